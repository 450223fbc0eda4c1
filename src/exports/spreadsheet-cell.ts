/** Cells of a sheet in SpreadsheetML (ECMA-376, part 1, 18.3). A text in a cell is never a formula, whatever it begins with. */
import { PermanentError } from "../core/job-type.ts";
import type { ColumnKind } from "./table.ts";

/** Of one cell: Excel specifications and limits. */
const MAX_CHARACTERS = 32_767;
/** What a spreadsheet keeps of a number; one with more digits goes in as a text, so that none is lost. */
const MAX_DIGITS = 15;

const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;
const SERIAL = /^\d+(?:\.\d+)?$/;
const MARKUP = /[&<>]/g;
const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
/** What XML cannot hold or would change, and what would be read as the escape of it (ECMA-376, 22.4.2.4). */
const UNWRITABLE = /[\u0000-\u0008\u000B-\u001F\uFFFE\uFFFF]|_(?=x[0-9A-Fa-f]{4}_)|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/**
 * @param at the cell's reference, `B12`
 * @param style the attribute ` s="…"`, or nothing
 * @throws {PermanentError} `export_cell_too_long`
 */
export function cellXml(at: string, value: string, kind: ColumnKind, style: string): string {
  switch (kind) {
    case "integer":
    case "float":
      return NUMBER.test(value) ? numberXml(at, value, style) : textXml(at, value); // NaN and the infinities
    case "bigint":
    case "decimal":
      return isExact(value) ? numberXml(at, value, style) : textXml(at, value);
    case "serial":
      return SERIAL.test(value) ? numberXml(at, value, style) : textXml(at, value);
    case "boolean":
      return `<c r="${at}" t="b"><v>${value.startsWith("t") ? 1 : 0}</v></c>`;
    case "days":
    case "micros":
    case "instant":
    case "json":
    case "bytes":
    case "text":
      return textXml(at, value);
  }
}

export function textXml(at: string, value: string): string {
  if (value.length > MAX_CHARACTERS) {
    throw new PermanentError(`the text for cell ${at} has ${value.length} characters; a cell of xlsx holds ${MAX_CHARACTERS}`, { code: "export_cell_too_long" });
  }
  return `<c r="${at}" t="inlineStr"><is><t xml:space="preserve">${escapeXml(value)}</t></is></c>`;
}

export function escapeXml(text: string): string {
  return text
    .replace(UNWRITABLE, (character) => `_x${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_`)
    .replace(MARKUP, (character) => ENTITIES[character] ?? character);
}

function numberXml(at: string, value: string, style: string): string {
  return `<c r="${at}"${style}><v>${value}</v></c>`;
}

function isExact(value: string): boolean {
  if (!NUMBER.test(value)) return false;
  return value.replace(/^[-0.]+/, "").replace(".", "").length <= MAX_DIGITS;
}
