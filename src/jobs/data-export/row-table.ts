/**
 * The rows of a payload as a table. In a spreadsheet each cell has its own type; in Parquet the type of a column fits
 * all of its values.
 */
import { ExactNumber, roundedText } from "../../core/exact-number.ts";
import { spreadsheetPattern } from "./date-pattern.ts";
import { type ColumnChoice, type TableLayout, titleOf } from "./layout.ts";
import { integerText, NumberRange } from "./number-range.ts";
import { type Row, type RowValue, rowOf, textOf, valueOf } from "./row-value.ts";
import type { Cell, ColumnType, Table, TableColumn, TableRow } from "./table.ts";

/** @param rows the JSON text of each row */
export function rowTable(
  rows: readonly string[],
  choices: readonly ColumnChoice[],
  { format, timeZone }: TableLayout,
  batchRows: number,
): Table {
  if (format === "xlsx") {
    const columns = choices.map((choice) => sheetColumn(choice, timeZone));
    return {
      columns,
      batches: batchesOf(rows, batchRows, (row) => choices.map(({ name }) => sheetCell(row.get(name)))),
    };
  }
  const columns = parquetColumns(rows, choices, timeZone);
  const cellOf = (row: Row, choice: ColumnChoice, at: number): Cell =>
    parquetCell(valueOf(row, choice, timeZone), columns[at] as TableColumn);
  return {
    columns,
    batches: batchesOf(rows, batchRows, (row) => choices.map((choice, at) => cellOf(row, choice, at))),
  };
}

function* batchesOf(
  rows: readonly string[],
  batchRows: number,
  cellsOf: (row: Row) => TableRow,
): Generator<TableRow[]> {
  for (let at = 0; at < rows.length; at += batchRows)
    yield rows.slice(at, at + batchRows).map((json) => cellsOf(rowOf(json)));
}

function sheetColumn(choice: ColumnChoice, timeZone: string): TableColumn {
  const { decimals, date } = choice;
  return {
    title: titleOf(choice),
    kind: "value",
    ...(decimals !== undefined && { decimals }),
    ...(date !== undefined && { dateFormat: spreadsheetPattern(date), timeZone }),
  };
}

function sheetCell(json: string | undefined): Cell {
  return json === undefined || json === "null" ? null : json;
}

/**
 * Each row is parsed once for the column types and again for its cells: the parsed values of 100,000 rows would take
 * far more memory than their text.
 */
function parquetColumns(rows: readonly string[], choices: readonly ColumnChoice[], timeZone: string): TableColumn[] {
  const types = choices.map(() => new ParquetType());
  for (const json of rows) {
    const row = rowOf(json);
    choices.forEach((choice, at) => types[at]?.add(valueOf(row, choice, timeZone)));
  }
  return choices.map((choice, at) => ({ title: titleOf(choice), ...(types[at] as ParquetType).type }));
}

/** Determines the type of a column from all values that are present. */
class ParquetType {
  readonly #kinds = new Set<"number" | "boolean" | "json" | "text">();
  readonly #numbers = new NumberRange();

  add(value: RowValue): void {
    if (value === null) return;
    if (value instanceof ExactNumber) this.#numbers.add(String(value));
    this.#kinds.add(
      value instanceof ExactNumber
        ? "number"
        : typeof value === "boolean"
          ? "boolean"
          : typeof value === "object"
            ? "json"
            : "text",
    );
  }

  get type(): ColumnType {
    const [kind = "text", another] = this.#kinds;
    if (another !== undefined) return { kind: "text" };
    return kind === "number" ? this.#numbers.type : { kind };
  }
}

function parquetCell(value: RowValue, { kind, scale = 0 }: TableColumn): Cell {
  if (!(value instanceof ExactNumber)) return textOf(value);
  if (kind === "bigint") return integerText(String(value)) ?? null;
  return kind === "decimal" ? roundedText(String(value), scale) : String(value);
}
