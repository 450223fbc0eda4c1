/** An export source for the rows of a payload. */
import { ExactNumber, roundedText } from "../../core/exact-number.ts";
import { csvCell, guardedCell } from "./csv-cell.ts";
import { exportError } from "./error-codes.ts";
import type { ExportSource, LineRows } from "./export-source.ts";
import { isLineFormat } from "./format.ts";
import { type ColumnChoice, type Layout, type LineLayout, type TableLayout, titleOf } from "./layout.ts";
import { rowTable } from "./row-table.ts";
import { jsonOf, type Row, rowOf, textOf, valueOf } from "./row-value.ts";

/** Rows per piece of output: about 100 KB of typical rows, far less than the memory that the rows occupy already. */
const BATCH_ROWS = 1_000;

/**
 * Whose keys become the columns if a payload names no columns: those of the first row, or of all rows in the order in
 * which the keys first occur.
 */
export type RowKeys = "first" | "all";

/**
 * By default, JSON formats contain each row unchanged; all other formats use the keys of the first row as columns.
 * @param rows the JSON text of each row, on one line
 */
export function openRows(rows: readonly string[], layout: Layout, keys?: RowKeys): ExportSource {
  const columns = layout.columns ?? namesOf(rows, keys).map((name) => ({ name }));
  const source = isLineFormat(layout.format)
    ? rowLines(rows, columns, layout as LineLayout)
    : ({ kind: "table", ...rowTable(rows, columns, layout as TableLayout, BATCH_ROWS) } as const);
  return { rows: source, expectedRows: rows.length, rowCount: () => rows.length, close: () => Promise.resolve() };
}

function namesOf(rows: readonly string[], keys: RowKeys = "first"): string[] {
  const names = new Set<string>();
  for (const json of keys === "all" ? rows : rows.slice(0, 1)) for (const name of rowOf(json).keys()) names.add(name);
  return [...names];
}

function rowLines(rows: readonly string[], columns: readonly ColumnChoice[], layout: LineLayout): LineRows {
  return {
    kind: "lines",
    guarded: [],
    chunks: layout.format === "csv" ? csvChunks(rows, columns, layout) : jsonChunks(rows, layout),
  };
}

function* csvChunks(
  rows: readonly string[],
  columns: readonly ColumnChoice[],
  { csv, timeZone }: LineLayout,
): Generator<Buffer> {
  const cellOf = (row: Row, column: ColumnChoice): string => {
    const value = valueOf(row, column, timeZone);
    if (typeof value === "string") return csv.formula_guard ? guardedCell(value, csv) : csvCell(value, csv);
    if (!(value instanceof ExactNumber)) return csvCell(textOf(value), csv);
    const digits = column.decimals === undefined ? String(value) : roundedText(String(value), column.decimals);
    return csv.decimal === "," ? digits.replace(".", ",") : digits;
  };
  const lineOf = (json: string): string => {
    const row = rowOf(json);
    return `${columns.map((column) => cellOf(row, column)).join(csv.delimiter)}\n`;
  };
  if (columns.length > 0 && csv.header)
    yield Buffer.from(`${columns.map((column) => csvCell(titleOf(column), csv)).join(csv.delimiter)}\n`);
  for (let at = 0; at < rows.length; at += BATCH_ROWS)
    yield utf8(
      rows
        .slice(at, at + BATCH_ROWS)
        .map(lineOf)
        .join(""),
    );
}

/**
 * @throws {PermanentError} `export_value`: UTF-8 cannot encode half of a surrogate pair, and Buffer would silently
 * write U+FFFD
 */
function utf8(text: string): Buffer {
  if (/\p{Surrogate}/u.test(text))
    throw exportError.permanent(
      "export_value",
      "CSV cannot represent a text with half of a surrogate pair (an escape such as \\ud800).",
    );
  return Buffer.from(text);
}

function* jsonChunks(rows: readonly string[], { columns, timeZone }: LineLayout): Generator<Buffer> {
  const lineOf = (json: string): string => (columns === undefined ? json : picked(rowOf(json), columns, timeZone));
  for (let at = 0; at < rows.length; at += BATCH_ROWS) {
    yield Buffer.from(
      rows
        .slice(at, at + BATCH_ROWS)
        .map((row) => `${lineOf(row)}\n`)
        .join(""),
    );
  }
}

function picked(row: Row, columns: readonly ColumnChoice[], timeZone: string): string {
  return `{${columns.map((column) => `${JSON.stringify(titleOf(column))}:${jsonOf(row, column, timeZone)}`).join(",")}}`;
}
