/** Rows as texts in typed columns: what a spreadsheet or a Parquet file is made of. */

/**
 * What the texts of a column are: texts of an SQL type as Postgres prints them (DateStyle ISO, bytea in hexadecimal),
 * but for `value`, whose texts are the JSON of any values. `real` is float4, `float` is float8, `list` an array of
 * `element`s.
 */
type ColumnKind =
  | "integer"
  | "bigint"
  | "decimal"
  | "real"
  | "float"
  | "boolean"
  | "date"
  | "timestamp"
  | "timestamptz"
  | "time"
  | "uuid"
  | "json"
  | "bytes"
  | "list"
  | "value"
  | "text";

export interface ColumnType {
  readonly kind: ColumnKind;
  /** Of `decimal`: all digits, and those behind the point. */
  readonly precision?: number;
  readonly scale?: number;
  /** Of `list`. */
  readonly element?: ColumnType;
}

export interface TableColumn extends ColumnType {
  /** In the file. */
  readonly title: string;
  /** Of numbers in a spreadsheet: how many digits it shows behind the point. */
  readonly decimals?: number;
  /** Of dates in a spreadsheet: its format for them. */
  readonly dateFormat?: string;
  /** IANA. Of `value` in a spreadsheet: texts that are times become dates, on the clocks of this zone. */
  readonly timeZone?: string;
}

export type Cell = string | null;
export type TableRow = readonly Cell[];

export interface Table {
  readonly columns: readonly TableColumn[];
  /** To be read once. */
  readonly batches: AsyncIterable<readonly TableRow[]> | Iterable<readonly TableRow[]>;
}
