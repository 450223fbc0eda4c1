/** Rows that a payload brought, as a table. In a spreadsheet each cell has its own type, in Parquet a column has that of all its values. */
import { spreadsheetPattern } from "./date-pattern.ts";
import { titleOf, type ColumnChoice, type TableLayout } from "./layout.ts";
import { textOf, valueOf, type Row } from "./row-value.ts";
import type { Cell, ColumnKind, Table, TableColumn, TableRow } from "./table.ts";

const INTEGER = /^-?\d+$/;
const [LOWEST_INT64, HIGHEST_INT64] = [-(2n ** 63n), 2n ** 63n - 1n];

export function rowTable(rows: readonly Row[], choices: readonly ColumnChoice[], { format, timeZone }: TableLayout, batchRows: number): Table {
  const isSheet = format === "xlsx";
  const columns = choices.map((choice) => (isSheet ? sheetColumn(choice, timeZone) : parquetColumn(rows, choice, timeZone)));
  const cellOf = (row: Row, choice: ColumnChoice, at: number): Cell => {
    const { kind } = columns[at] as TableColumn;
    const value = valueOf(row, isSheet ? { name: choice.name } : choice, timeZone);
    if (value === null || value === undefined) return null;
    if (typeof value === "number") return numberText(value);
    return kind === "json" || kind === "value" ? JSON.stringify(value) : textOf(value);
  };
  return { columns, batches: batchesOf(rows, batchRows, (row) => choices.map((choice, at) => cellOf(row, choice, at))) };
}

function* batchesOf(rows: readonly Row[], batchRows: number, cellsOf: (row: Row) => TableRow): Generator<TableRow[]> {
  for (let at = 0; at < rows.length; at += batchRows) yield rows.slice(at, at + batchRows).map(cellsOf);
}

function sheetColumn(choice: ColumnChoice, timeZone: string): TableColumn {
  const { decimals, date } = choice;
  return { title: titleOf(choice), kind: "value", ...(decimals !== undefined && { decimals }), ...(date !== undefined && { dateFormat: spreadsheetPattern(date), timeZone }) };
}

function parquetColumn(rows: readonly Row[], choice: ColumnChoice, timeZone: string): TableColumn {
  return { title: titleOf(choice), kind: parquetKind(rows.map((row) => valueOf(row, choice, timeZone)).filter((value) => value !== null)) };
}

function parquetKind(values: readonly unknown[]): ColumnKind {
  const types = new Set(values.map((value) => typeof value));
  if (types.size !== 1) return "text";
  if (types.has("boolean")) return "boolean";
  if (types.has("object")) return "json";
  if (!types.has("number")) return "text";
  return values.every((value) => isInt64(numberText(value as number))) ? "bigint" : "float";
}

function isInt64(text: string): boolean {
  return INTEGER.test(text) && text !== "-0" && BigInt(text) >= LOWEST_INT64 && BigInt(text) <= HIGHEST_INT64;
}

/** JSON.stringify and String write -0 as 0. */
function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
