/** Rows as texts in typed columns: what a spreadsheet or a Parquet file is made of. */

/**
 * What the texts of a column are. `serial` are a spreadsheet's dates (days since 1899-12-30, or a text where it has none),
 * `days` and `micros` those of Parquet (since 1970; `instant` in UTC, `micros` on no zone's clock), `bytes` hexadecimal after `\x`.
 */
export type ColumnKind = "integer" | "bigint" | "decimal" | "float" | "boolean" | "serial" | "days" | "micros" | "instant" | "json" | "bytes" | "text";

export interface TableColumn {
  /** In the file. */
  readonly title: string;
  readonly kind: ColumnKind;
  /** Of `decimal`: digits in all and behind the point. Without a scale it is known of no value before it is seen. */
  readonly precision?: number;
  readonly scale?: number;
  /** A spreadsheet's number format. */
  readonly numberFormat?: string;
}

export type Cell = string | null;
export type TableRow = readonly Cell[];

export interface Table {
  readonly columns: readonly TableColumn[];
  /** To be read once. */
  readonly batches: AsyncIterable<readonly TableRow[]> | Iterable<readonly TableRow[]>;
}
