/** Rows as texts in typed columns: the input of the spreadsheet and Parquet encoders. */

/**
 * The type of a column's texts: an SQL type as Postgres prints it (DateStyle ISO, bytea in hexadecimal), or `value` for
 * JSON of any type. `real` is float4, `float` is float8, and `list` is an array of `element`s.
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
  /** For `decimal`: the number of all digits, and of those after the point. */
  readonly precision?: number;
  readonly scale?: number;
  /** For `list`. */
  readonly element?: ColumnType;
}

export interface TableColumn extends ColumnType {
  /** In the file. */
  readonly title: string;
  /** For numbers in a spreadsheet: the number of displayed decimals. */
  readonly decimals?: number;
  /** For dates in a spreadsheet: the number format. */
  readonly dateFormat?: string;
  /** IANA. For `value` in a spreadsheet: texts that are times become dates, in local time of this zone. */
  readonly timeZone?: string;
}

export type Cell = string | null;
export type TableRow = readonly Cell[];

export interface Table {
  readonly columns: readonly TableColumn[];
  /** Can be iterated once. */
  readonly batches: AsyncIterable<readonly TableRow[]> | Iterable<readonly TableRow[]>;
}
