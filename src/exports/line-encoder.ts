import { CsvEncoder } from "./csv-encoder.ts";
import { JsonArrayEncoder, JsonLinesEncoder } from "./json-encoder.ts";
import type { ExportFormat, LineSource } from "./line-source.ts";

/** Makes of a source's lines the bytes of a file. */
export interface LineEncoder {
  encode(chunk: Buffer): Buffer;
  /** What is left when the lines have ended. */
  end(): Buffer;
}

function encoderOf(format: ExportFormat): LineEncoder {
  switch (format) {
    case "csv":
      return new CsvEncoder();
    case "json":
      return new JsonArrayEncoder();
    case "ndjson":
      return new JsonLinesEncoder();
    default:
      return format satisfies never;
  }
}

/** Of a piece of a file: so large that a write costs little beside its bytes, where Postgres sends some 40 KB at once. */
const PIECE_BYTES = 262_144;

/** The bytes of the file of an export, piece by piece as they are asked for. */
export async function* encodeLines(source: LineSource, format: ExportFormat): AsyncGenerator<Buffer> {
  const encoder = encoderOf(format);
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source.chunks) {
    const part = encoder.encode(chunk);
    parts.push(part);
    bytes += part.length;
    if (bytes < PIECE_BYTES) continue;
    yield Buffer.concat(parts);
    parts = [];
    bytes = 0;
  }
  yield Buffer.concat([...parts, encoder.end()]);
}
