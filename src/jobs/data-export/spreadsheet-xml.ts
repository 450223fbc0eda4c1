/**
 * Texts in SpreadsheetML (ECMA-376, part 1, 22.9.2.19, ST_Xstring): what XML cannot hold or would change is written as
 * `_xHHHH_`.
 */

/**
 * A text that looks like such an escape is escaped too, whatever follows it: the next character may end it by its own
 * escape.
 */
const UNWRITABLE = /[\u0000-\u0008\u000B-\u001F\uFFFE\uFFFF]|_(?=x[0-9A-Fa-f]{4})|\p{Surrogate}/gu;
/** What may have to be escaped. Most texts have none of it, and this looks faster than the others. */
const SUSPICIOUS = /[\u0000-\u0008\u000B-\u001F&<>"_\uD800-\uDFFF\uFFFE\uFFFF]/;
const MARKUP = /[&<>"]/g;
const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Of an element or an attribute. */
export function escapeXml(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  return text
    .replace(UNWRITABLE, (character) => `_x${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_`)
    .replace(MARKUP, (character) => ENTITIES[character] ?? character);
}
