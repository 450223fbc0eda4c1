/** Rows that a payload brought, as a source. */
import { roundedText } from "../core/exact-number.ts";
import { csvCell } from "./csv-cell.ts";
import type { ExportSource, LineRows } from "./export-source.ts";
import { isLineFormat } from "./format.ts";
import { titleOf, type ColumnChoice, type Layout, type LineLayout, type TableLayout } from "./layout.ts";
import { rowTable } from "./row-table.ts";
import { isNumber, jsonOf, rowOf, textOf, valueOf, type Row } from "./row-value.ts";

/** How many rows become one piece: some 100 KB of usual rows, much below the memory that they take already. */
const BATCH_ROWS = 1_000;

/**
 * By default JSON has each row as it is, and any other format the keys of the first one as its columns.
 * @param rows the JSON text of each, in one line
 */
export function openRows(rows: readonly string[], layout: Layout): ExportSource {
  const columns = layout.columns ?? [...rowOf(rows[0] ?? "{}").keys()].map((name) => ({ name }));
  const source = isLineFormat(layout.format)
    ? rowLines(rows, columns, layout as LineLayout)
    : ({ kind: "table", ...rowTable(rows, columns, layout as TableLayout, BATCH_ROWS) } as const);
  return { rows: source, expectedRows: rows.length, rowCount: () => rows.length, close: () => Promise.resolve() };
}

function rowLines(rows: readonly string[], columns: readonly ColumnChoice[], layout: LineLayout): LineRows {
  return { kind: "lines", chunks: layout.format === "csv" ? csvChunks(rows, columns, layout) : jsonChunks(rows, layout) };
}

function* csvChunks(rows: readonly string[], columns: readonly ColumnChoice[], { csv, timeZone }: LineLayout): Generator<Buffer> {
  const cellOf = (row: Row, column: ColumnChoice): string => {
    const value = valueOf(row, column, timeZone);
    if (!isNumber(value)) return csvCell(textOf(value), csv.delimiter);
    const digits = column.decimals === undefined ? String(value) : roundedText(String(value), column.decimals);
    return csv.decimal === "," ? digits.replace(".", ",") : digits;
  };
  const lineOf = (json: string): string => {
    const row = rowOf(json);
    return `${columns.map((column) => cellOf(row, column)).join(csv.delimiter)}\n`;
  };
  if (columns.length > 0 && csv.header) yield Buffer.from(`${columns.map((column) => csvCell(titleOf(column), csv.delimiter)).join(csv.delimiter)}\n`);
  for (let at = 0; at < rows.length; at += BATCH_ROWS) yield Buffer.from(rows.slice(at, at + BATCH_ROWS).map(lineOf).join(""));
}

function* jsonChunks(rows: readonly string[], { columns, timeZone }: LineLayout): Generator<Buffer> {
  const lineOf = (json: string): string => (columns === undefined ? json : picked(rowOf(json), columns, timeZone));
  for (let at = 0; at < rows.length; at += BATCH_ROWS) {
    yield Buffer.from(rows.slice(at, at + BATCH_ROWS).map((row) => `${lineOf(row)}\n`).join(""));
  }
}

function picked(row: Row, columns: readonly ColumnChoice[], timeZone: string): string {
  return `{${columns.map((column) => `${JSON.stringify(titleOf(column))}:${jsonOf(row, column, timeZone)}`).join(",")}}`;
}
