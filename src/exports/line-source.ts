/** The formats of an export. */
export const EXPORT_FORMATS = ["csv", "json", "ndjson"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/**
 * Rows as plain lines, each ended by LF: for `csv` the header and then one line a row, quoted where it must be; else
 * one line of JSON a row. What becomes of them in the file is the line encoder's part.
 */
export interface LineSource {
  /** Pieces of the lines, cut anywhere. To be read once. */
  readonly chunks: AsyncIterable<Buffer> | Iterable<Buffer>;
  /** How many rows the lines hold; known when `chunks` has ended. */
  rowCount(): number;
  /** Gives back what the source holds open, read to its end or not. */
  close(): Promise<void>;
}
