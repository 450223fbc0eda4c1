import { CsvEncoder } from "./csv-encoder.ts";
import type { LineRows } from "./export-source.ts";
import { JsonArrayEncoder, JsonLinesEncoder } from "./json-encoder.ts";
import type { LineLayout } from "./layout.ts";

/** Encodes a source's lines as the bytes of a file. */
interface LineEncoder {
  /** How many lines have been encoded. */
  readonly lines: number;
  encode(chunk: Buffer): Buffer;
  /** Returns the remaining bytes after the last line. */
  end(): Buffer;
}

function encoderOf({ format, csv }: LineLayout, guarded: readonly boolean[]): LineEncoder {
  switch (format) {
    case "csv":
      return new CsvEncoder(csv, guarded);
    case "json":
      return new JsonArrayEncoder();
    case "ndjson":
      return new JsonLinesEncoder();
    default:
      return format satisfies never;
  }
}

/** The size of a piece: Postgres sends about 40 KB at once, and larger writes cost little more than their bytes. */
const PIECE_BYTES = 262_144;
const BYTE_ORDER_MARK = Buffer.from("\uFEFF");

/**
 * Yields the bytes of an export's file in pieces, as the consumer asks for them.
 * @param onRows called with the number of rows written so far
 */
export async function* encodeLines(
  { chunks, guarded }: LineRows,
  layout: LineLayout,
  onRows: (rows: number) => void,
): AsyncGenerator<Buffer> {
  const encoder = encoderOf(layout, guarded);
  let parts: Buffer[] = layout.format === "csv" && layout.csv.bom ? [BYTE_ORDER_MARK] : [];
  let bytes = 0;
  for await (const chunk of chunks) {
    const part = encoder.encode(chunk);
    parts.push(part);
    bytes += part.length;
    if (bytes < PIECE_BYTES) continue;
    onRows(encoder.lines);
    yield Buffer.concat(parts);
    parts = [];
    bytes = 0;
  }
  yield Buffer.concat([...parts, encoder.end()]);
}
