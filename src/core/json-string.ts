/** Replaces parts of a string in its JSON text, whichever way its characters are spelled there. */

/** One character of a string's JSON text: an escape sequence, or a UTF-16 code unit. */
const CHARACTER = /\\(?:u[0-9a-fA-F]{4}|[^u])|[^\\]/g;

/**
 * The JSON text of a string with each match of a pattern replaced; the rest keeps its spelling.
 * @param json the text of a string, which may spell a character of a match as an escape sequence
 * @param pattern global
 * @param replacementOf returns the replacement as JSON text without quotes
 */
export function replacedInString(json: string, pattern: RegExp, replacementOf: (found: string) => string): string {
  const inner = json.slice(1, -1);
  if (!inner.includes("\\")) return `"${inner.replace(pattern, (found) => replacementOf(found))}"`;
  const characters = inner.match(CHARACTER) ?? [];
  let result = "";
  let copied = 0;
  for (const { index, 0: found } of (JSON.parse(json) as string).matchAll(pattern)) {
    result += characters.slice(copied, index).join("") + replacementOf(found);
    copied = index + found.length;
  }
  return `"${result}${characters.slice(copied).join("")}"`;
}

/** A text as it is within a JSON string. */
export function escapedText(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
