/** Values in a JSON text by their paths, as Postgres' `#>>` reads them: numbers keep all digits. */
import { elementsOf, memberText } from "./json-span.ts";

/**
 * The value at a path as text: a string without its quotes, any other value as its JSON. Undefined if there is none,
 * or it is null.
 * @param json text that JSON.parse has accepted
 * @param path names of fields and indexes of lists, from the outside in
 */
export function textAt(json: string, path: readonly string[]): string | undefined {
  let text = json.trim();
  for (const step of path) {
    const next = stepInto(text, step);
    if (next === undefined) return undefined;
    text = next;
  }
  if (text === "null") return undefined;
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}

function stepInto(json: string, step: string): string | undefined {
  if (json.startsWith("{")) return memberText(json, step);
  return json.startsWith("[") && /^\d+$/.test(step) ? elementsOf(json)[Number(step)] : undefined;
}

/** One escape of a JSON text; those of a pair of surrogates together. */
const ESCAPE = /\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|\\u(?:0000|d[89a-f][0-9a-f]{2})|\\[^]/gi;

/**
 * A JSON text in which U+FFFD replaces the escapes that Postgres cannot turn into text: `\u0000`, and halves of
 * surrogate pairs.
 */
export function readableJson(json: string): string {
  if (!/\\u(?:0000|d[89a-f])/i.test(json)) return json;
  return json.replace(ESCAPE, (escape: string) =>
    /^\\u(?:0000|d[89a-f]..)$/i.test(escape) ? String.raw`\ufffd` : escape,
  );
}
