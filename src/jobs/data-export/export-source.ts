/** What an export reads: rows, opened and counted, whatever they come from. */
import type { Table } from "./table.ts";

export interface ExportSource {
  /** The rows: as plain lines in the format's own words, or as a table. */
  readonly rows: LineRows | TableRows;
  /** The number of rows, exact or estimated; undefined if unknown. */
  readonly expectedRows: number | undefined;
  /** How many there were; known when they have been read to their end. */
  rowCount(): number;
  /** Gives back what the source holds open, read to its end or not. */
  close(): Promise<void>;
}

/**
 * Rows as lines, each ended by LF: for `csv` the header and then one line a row, quoted where it must be; else one line
 * of JSON a row. What becomes of them in the file is the line encoder's part.
 */
export interface LineRows {
  readonly kind: "lines";
  /** Pieces of the lines, cut anywhere. To be read once. */
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
