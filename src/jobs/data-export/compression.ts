/** Compresses the file of an export as a stream. */
import type { Transform } from "node:stream";
import * as zlib from "node:zlib";

export const COMPRESSIONS = ["gzip", "zstd"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** The size of a piece: large enough that the cost of passing it on is negligible. */
const CHUNK_BYTES = 262_144;

/** Available from Node 22.15. */
const { createZstdCompress } = zlib as {
  readonly createZstdCompress?: (options: { readonly chunkSize: number }) => Transform;
};

/** Whether this version of Node supports the compression. */
export function isCompressionHere(compression: Compression): boolean {
  return compression === "gzip" || createZstdCompress !== undefined;
}

/** @throws TypeError if {@link isCompressionHere} is false */
export function createCompressor(compression: Compression): Transform {
  if (compression === "gzip") return zlib.createGzip({ chunkSize: CHUNK_BYTES });
  if (createZstdCompress === undefined) throw new TypeError("zstd needs Node 22.15 or later");
  return createZstdCompress({ chunkSize: CHUNK_BYTES });
}

export function extensionOf(compression: Compression): string {
  return compression === "gzip" ? "gz" : "zst";
}
