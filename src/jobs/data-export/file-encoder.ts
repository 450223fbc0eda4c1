import type { ExportSource } from "./export-source.ts";
import type { Layout, LineLayout } from "./layout.ts";
import { encodeLines } from "./line-encoder.ts";
import { encodeParquet } from "./parquet-encoder.ts";
import { encodeSpreadsheet } from "./spreadsheet-encoder.ts";

/**
 * Yields the bytes of an export's file in pieces, as the consumer asks for them.
 * @param onRows called from time to time with the number of rows written so far
 */
export function encodeFile(
  { rows }: ExportSource,
  layout: Layout,
  onRows: (rows: number) => void,
): AsyncGenerator<Buffer> {
  if (rows.kind === "lines") return encodeLines(rows, layout as LineLayout, onRows);
  return layout.format === "parquet"
    ? encodeParquet(rows, onRows)
    : encodeSpreadsheet(rows, onRows, { name: layout.sheet });
}
