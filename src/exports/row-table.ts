/** Rows that a payload brought, as a table: the type of a column follows from all of its values. */
import { spreadsheetPattern, wallClockMs } from "./date-pattern.ts";
import { titleOf, type ColumnChoice, type TableLayout } from "./layout.ts";
import { decimalsFormat } from "./spreadsheet-column.ts";
import { instantOf, textOf, valueOf, type Row } from "./row-value.ts";
import type { Cell, ColumnKind, Table, TableColumn, TableRow } from "./table.ts";

const DAY_MS = 86_400_000;
/** 1970-01-01 as a spreadsheet counts the days; and 1900-03-01, before which it counts them wrong. */
const SERIAL_OF_1970 = 25_569;
const FIRST_SERIAL = 61;

export function rowTable(rows: readonly Row[], choices: readonly ColumnChoice[], { format, timeZone }: TableLayout, batchRows: number): Table {
  const isSheet = format === "xlsx";
  const columns = choices.map((choice) => (isSheet ? sheetColumn(rows, choice) : parquetColumn(rows, choice)));
  const cellOf = (row: Row, choice: ColumnChoice, at: number): Cell => {
    const { kind } = columns[at] as TableColumn;
    if (kind === "serial") return serialOf(row[choice.name], timeZone);
    const value = valueOf(row, isSheet ? { name: choice.name } : choice, timeZone);
    if (kind === "json") return value === null ? null : JSON.stringify(value);
    return textOf(value);
  };
  return { columns, batches: batchesOf(rows, batchRows, (row) => choices.map((choice, at) => cellOf(row, choice, at))) };
}

function* batchesOf(rows: readonly Row[], batchRows: number, cellsOf: (row: Row) => TableRow): Generator<TableRow[]> {
  for (let at = 0; at < rows.length; at += batchRows) yield rows.slice(at, at + batchRows).map(cellsOf);
}

function sheetColumn(rows: readonly Row[], choice: ColumnChoice): TableColumn {
  const { name, decimals, date } = choice;
  const title = titleOf(choice);
  if (date !== undefined) return { title, kind: "serial", numberFormat: spreadsheetPattern(date) };
  const types = typesOf(rows, name);
  const kind = isOnly(types, "number") ? "float" : isOnly(types, "boolean") ? "boolean" : "text";
  return { title, kind, ...(decimals === undefined ? {} : { numberFormat: decimalsFormat(decimals) }) };
}

function parquetColumn(rows: readonly Row[], choice: ColumnChoice): TableColumn {
  return { title: titleOf(choice), kind: parquetKind(rows, choice) };
}

function parquetKind(rows: readonly Row[], { name, decimals }: ColumnChoice): ColumnKind {
  const types = typesOf(rows, name);
  if (isOnly(types, "boolean")) return "boolean";
  if (isOnly(types, "object")) return "json";
  if (!isOnly(types, "number")) return "text";
  const areIntegers = decimals === undefined && rows.every((row) => (row[name] ?? null) === null || Number.isSafeInteger(row[name]));
  return areIntegers ? "bigint" : "float";
}

/** Of the values that are there. */
function typesOf(rows: readonly Row[], name: string): Set<string> {
  const values = rows.map((row) => (Object.hasOwn(row, name) ? row[name] : null)).filter((value) => value !== null);
  return new Set(values.map((value) => typeof value));
}

function isOnly(types: ReadonlySet<string>, type: string): boolean {
  return types.size === 1 && types.has(type);
}

/** A time as a spreadsheet counts it, on the clocks of the zone; what is none, or before its first, as it is. */
function serialOf(value: unknown, timeZone: string): Cell {
  const instant = instantOf(value);
  if (instant === undefined) return textOf(value);
  const wallMs = (value as string).length === 10 ? instant : wallClockMs(instant, timeZone);
  const serial = wallMs / DAY_MS + SERIAL_OF_1970;
  return serial < FIRST_SERIAL ? textOf(value) : String(serial);
}
