/**
 * Cells of a sheet in SpreadsheetML (ECMA-376, part 1, 18.3). Text in a cell is never a formula, even if it begins with
 * `=`.
 */
import { exportError } from "./error-codes.ts";
import { type Serial, serialOf, serialOfRfc3339 } from "./spreadsheet-date.ts";
import { sheetNumber } from "./spreadsheet-number.ts";
import { PLAIN_STYLE, type StyleTable, WRAPPED_STYLE } from "./spreadsheet-style.ts";
import { escapeXml } from "./spreadsheet-xml.ts";
import type { TableColumn } from "./table.ts";

/** The limit of one cell (Excel specifications and limits). */
const MAX_CHARACTERS = 32_767;

const DATE_FORMAT = String.raw`yyyy\-mm\-dd`;
const TIMESTAMP_FORMAT = String.raw`yyyy\-mm\-dd\ hh:mm:ss`;

/**
 * Writes a value of a column. Throws a {@link PermanentError} `export_cell_too_long`.
 * @param at the cell's reference, such as `B12`
 */
export type CellWriter = (at: string, text: string) => string;

export function cellWriter(column: TableColumn, styles: StyleTable): CellWriter {
  const { kind } = column;
  switch (kind) {
    case "integer":
    case "bigint":
    case "decimal":
    case "real":
    case "float":
      return (at, text) => numberXml(at, text, column, styles);
    case "date":
    case "timestamp":
    case "timestamptz": {
      const date = dateWriter(kind === "date" ? DATE_FORMAT : TIMESTAMP_FORMAT, column, styles);
      return (at, text) => date(at, text, serialOf(text, kind));
    }
    case "boolean":
      return (at, text) => booleanXml(at, text.startsWith("t") ? 1 : 0);
    case "value":
      return valueWriter(column, styles);
    case "time":
    case "uuid":
    case "json":
    case "bytes":
    case "list":
    case "text":
      return textXml;
  }
}

/** JSON strings, numbers and booleans become cells of their type; nested values become JSON text. */
function valueWriter(column: TableColumn, styles: StyleTable): CellWriter {
  const { timeZone } = column;
  const date = dateWriter(TIMESTAMP_FORMAT, column, styles);
  return (at, json) => {
    if (json === "true" || json === "false") return booleanXml(at, json === "true" ? 1 : 0);
    if (json.startsWith('"')) {
      const text = JSON.parse(json) as string;
      return timeZone === undefined ? textXml(at, text) : date(at, text, serialOfRfc3339(text, timeZone));
    }
    return json.startsWith("{") || json.startsWith("[") ? textXml(at, json) : numberXml(at, json, column, styles);
  };
}

export function textXml(at: string, text: string, textStyle?: number): string {
  if (text.length > MAX_CHARACTERS) {
    throw exportError.permanent(
      "export_cell_too_long",
      `the text for cell ${at} has ${text.length} characters; a cell of xlsx holds ${MAX_CHARACTERS}`,
    );
  }
  const style = textStyle ?? (text.includes("\n") ? WRAPPED_STYLE : PLAIN_STYLE);
  return `<c r="${at}"${styleXml(style)} t="inlineStr"><is><t xml:space="preserve">${escapeXml(text)}</t></is></c>`;
}

function numberXml(at: string, text: string, column: TableColumn, styles: StyleTable): string {
  const number = sheetNumber(text, column, styles);
  return number ? `<c r="${at}"${styleXml(number.style)}><v>${number.digits}</v></c>` : textXml(at, text);
}

function booleanXml(at: string, value: 0 | 1): string {
  return `<c r="${at}" t="b"><v>${value}</v></c>`;
}

/**
 * A column without a format shows fractions of seconds only if there are any. A text that a spreadsheet cannot
 * represent as a date stays text.
 */
function dateWriter(
  defaultFormat: string,
  { dateFormat = defaultFormat }: TableColumn,
  styles: StyleTable,
): (at: string, text: string, date: Serial | undefined) => string {
  const fractionFormat = dateFormat === TIMESTAMP_FORMAT ? `${dateFormat}.000` : dateFormat;
  return (at, text, date) => {
    if (!date) return textXml(at, text);
    return `<c r="${at}"${styleXml(styles.styleOf(date.hasFraction ? fractionFormat : dateFormat))}><v>${date.serial}</v></c>`;
  };
}

function styleXml(style: number): string {
  return style === PLAIN_STYLE ? "" : ` s="${style}"`;
}
