/**
 * Computes the column widths of a sheet. The file stores widths before the rows, so only the first rows and the type of
 * a column are considered.
 */
import type { TableColumn, TableRow } from "./table.ts";

/** In characters. Longer text is cut off on the screen only; the cell contains all of it. */
const [MIN_WIDTH, MAX_WIDTH] = [8, 60];
/** For the padding of a cell, and for letters that are wider than a digit. */
const MARGIN = 2;
/** A sign, 15 digits and a decimal point. */
const NUMBER_WIDTH = 17;
const TIMESTAMP_WIDTH = "2026-01-31 12:00:00.123".length;
/** East Asian characters are as wide as two digits. */
const WIDE = /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]/g;

/** @param rows the first rows of the sheet */
export function columnWidths(columns: readonly TableColumn[], rows: readonly TableRow[]): number[] {
  return columns.map((column, at) => {
    let widest = Math.max(MIN_WIDTH, widthOf(column.title));
    for (const row of rows) {
      if (widest >= MAX_WIDTH) break;
      widest = Math.max(widest, widthOf(row[at] ?? ""));
    }
    return Math.max(Math.min(widest, MAX_WIDTH), widthOfType(column)) + MARGIN;
  });
}

/**
 * The width of the longest value of the type: a spreadsheet shows `####` for a number or date that is wider than its
 * column.
 */
function widthOfType({ kind, precision, scale = 0, decimals = 0, dateFormat, timeZone }: TableColumn): number {
  switch (kind) {
    case "integer":
      return "-2147483648".length + decimals;
    case "decimal":
      return Math.min(NUMBER_WIDTH, (precision ?? NUMBER_WIDTH) + 2) + Math.max(0, decimals - scale);
    case "bigint":
    case "real":
    case "float":
      return NUMBER_WIDTH + decimals;
    case "date":
      return dateFormat?.length ?? "2026-01-31".length;
    case "timestamp":
    case "timestamptz":
      return dateFormat?.length ?? TIMESTAMP_WIDTH;
    case "value":
      return timeZone === undefined
        ? decimals > 0
          ? NUMBER_WIDTH + decimals
          : MIN_WIDTH
        : (dateFormat?.length ?? TIMESTAMP_WIDTH);
    case "boolean":
    case "time":
    case "uuid":
    case "json":
    case "bytes":
    case "list":
    case "text":
      return MIN_WIDTH;
  }
}

/** The width of the longest line. */
function widthOf(text: string): number {
  const shown = text.length > 10 * MAX_WIDTH ? text.slice(0, 10 * MAX_WIDTH) : text;
  return Math.max(...shown.split("\n").map((line) => line.length + (line.match(WIDE)?.length ?? 0)));
}
