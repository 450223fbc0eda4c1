/** The layout of an export's file, with the same fields for every source and format. */
import type { ExportFormat, LineFormat, TableFormat } from "./format.ts";

export interface ColumnChoice {
  /** The column's name in the source. */
  readonly name: string;
  /** The column's name in the file. */
  readonly as?: string;
  /** The number of decimals to which numbers are rounded (in xlsx: with which they are displayed). */
  readonly decimals?: number;
  /** The pattern for dates and times: YYYY, MM, DD, HH, mm, ss, SSS and the characters between them. */
  readonly date?: string;
}

export interface CsvDialect {
  readonly delimiter: "," | ";" | "\t" | "|";
  /** Whether the file begins with a byte order mark, by which spreadsheets recognise UTF-8. */
  readonly bom: boolean;
  readonly header: boolean;
  readonly decimal: "." | ",";
  /** The unquoted text of NULL. A text that equals it is quoted. */
  readonly null: string;
  /** Whether texts that a spreadsheet would run as formulas get an apostrophe before them. */
  readonly formula_guard: boolean;
}

export interface Layout<Format extends ExportFormat = ExportFormat> {
  readonly format: Format;
  /** The columns and their order. Default: all columns of the source. */
  readonly columns: readonly ColumnChoice[] | undefined;
  readonly csv: CsvDialect;
  /** The name of the first sheet of an xlsx. Default: Sheet1. */
  readonly sheet?: string | undefined;
  /** The IANA zone in which times with a zone are written. Parquet stores instants and does not use it. */
  readonly timeZone: string;
}

export type LineLayout = Layout<LineFormat>;
export type TableLayout = Layout<TableFormat>;

export const PLAIN_CSV: CsvDialect = {
  delimiter: ",",
  bom: false,
  header: true,
  decimal: ".",
  null: "",
  formula_guard: true,
};

/** The name of a column in the file. */
export function titleOf({ name, as }: ColumnChoice): string {
  return as ?? name;
}
