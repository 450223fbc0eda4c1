/** What the file of an export is to look like: the same words for every source and format. */
import type { ExportFormat, LineFormat, TableFormat } from "./format.ts";

export interface ColumnChoice {
  /** As the source names it. */
  readonly name: string;
  /** As the file names it. */
  readonly as?: string;
  /** Numbers are rounded to so many digits (in xlsx: shown with them). */
  readonly decimals?: number;
  /** How a date or a time is written: YYYY, MM, DD, HH, mm, ss, SSS and the characters between them. */
  readonly date?: string;
}

export interface CsvDialect {
  readonly delimiter: "," | ";" | "\t" | "|";
  /** The mark by which spreadsheets know UTF-8. */
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
  /** Which columns, in which order; undefined: all of the source's. */
  readonly columns: readonly ColumnChoice[] | undefined;
  readonly csv: CsvDialect;
  /** The name of the sheet of an xlsx; undefined: Sheet1. */
  readonly sheet?: string | undefined;
  /** IANA. Times with a zone are written in it, but for parquet, which has instants. */
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
