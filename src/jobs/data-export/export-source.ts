/** The source of an export: rows that are opened and counted, independent of their origin. */
import type { Table } from "./table.ts";

export interface ExportSource {
  /** The rows, as lines of the format or as a table. */
  readonly rows: LineRows | TableRows;
  /** The number of rows, exact or estimated; undefined if unknown. */
  readonly expectedRows: number | undefined;
  /** The number of rows, once they have been read to their end. */
  rowCount(): number;
  /** Releases the resources of the source. Call it whether or not the rows were read to their end. */
  close(): Promise<void>;
}

/**
 * Rows as lines, each ended by LF: for `csv` the header and then one line for each row, with minimal quotes; otherwise
 * one line of JSON for each row. The line encoder turns them into the file.
 */
export interface LineRows {
  readonly kind: "lines";
  /** Pieces of the lines, split at any byte. They can be read once. */
  readonly chunks: AsyncIterable<Buffer> | Iterable<Buffer>;
  /**
   * For `csv`, by position: whether the encoder must guard the column's texts against being run as formulas. The others
   * are typed values, or guarded already.
   */
  readonly guarded: readonly boolean[];
}

export interface TableRows extends Table {
  readonly kind: "table";
}
