import type { ExportSource } from "./export-source.ts";
import type { Layout, LineLayout } from "./layout.ts";
import { encodeLines } from "./line-encoder.ts";
import { encodeParquet } from "./parquet-encoder.ts";
import { encodeSpreadsheet } from "./spreadsheet-encoder.ts";

/**
 * The bytes of the file of an export, piece by piece as they are asked for.
 * @param onRows called from time to time with the number of rows so far
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
