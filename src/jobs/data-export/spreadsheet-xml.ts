/**
 * Text in SpreadsheetML (ECMA-376, part 1, 22.9.2.19, ST_Xstring): characters that XML cannot represent or would change
 * are written as `_xHHHH_`.
 */

/**
 * A text that looks like such an escape is escaped as well, whatever follows it, because an escaped next character
 * could complete it.
 */
const UNWRITABLE = /[\u0000-\u0008\u000B-\u001F\uFFFE\uFFFF]|_(?=x[0-9A-Fa-f]{4})|\p{Surrogate}/gu;
/** A faster first check: characters that may need an escape. Most texts have none of them. */
const SUSPICIOUS = /[\u0000-\u0008\u000B-\u001F&<>"_\uD800-\uDFFF\uFFFE\uFFFF]/;
const MARKUP = /[&<>"]/g;
const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Escapes the content of an element or attribute. */
export function escapeXml(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  return text
    .replace(UNWRITABLE, (character) => `_x${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_`)
    .replace(MARKUP, (character) => ENTITIES[character] ?? character);
}
