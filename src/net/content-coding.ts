/** Decodes the codings of a body (RFC 9110, 8.4.1) piece by piece. */
import { type Duplex, pipeline, type Readable } from "node:stream";
import * as zlib from "node:zlib";
import type { PermanentError } from "../core/job-type.ts";
import { codeOf, messageOf } from "../errors.ts";
import { outboundError } from "./error-codes.ts";

/** More codings have no use, and each costs the memory of its window. */
const MAX_CODINGS = 3;

/** Available from Node 22.15. */
const { createZstdDecompress } = zlib as { readonly createZstdDecompress?: () => Duplex };

/** The error codes of Node's decoders: zlib, Brotli and Zstandard. */
const DECODER_CODE = /^(Z_|ERR_BROTLI|ERR__ERROR_|ZSTD_)/;

type MakeDecoder = (first: Buffer) => Duplex;

/**
 * The decoders of a `Content-Encoding`, in the order in which they are applied; none for a body that is not encoded.
 * @throws {PermanentError} `encoding_unknown`
 */
export function decodersOf(header: string): readonly MakeDecoder[] {
  const names = header
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "" && name !== "identity");
  if (names.length > MAX_CODINGS) throw unknown(header);
  return names.reverse().map((name) => DECODERS.get(name) ?? fail(unknown(header)));
}

const DECODERS = new Map<string, MakeDecoder>([
  ...["gzip", "x-gzip"].map((name) => [name, () => zlib.createGunzip()] as const),
  // "deflate" is the zlib format, but many servers send the raw stream without its zlib wrapper
  ["deflate", (first) => (isZlib(first) ? zlib.createInflate() : zlib.createInflateRaw())],
  ["br", () => zlib.createBrotliDecompress()],
  ...(createZstdDecompress === undefined ? [] : [["zstd", () => createZstdDecompress()] as const]),
]);

/** RFC 1950, 2.2: the method is 8, and the first two bytes are a multiple of 31. */
function isZlib([cmf = 0, flg = 0]: Buffer): boolean {
  return (cmf & 15) === 8 && (cmf * 256 + flg) % 31 === 0;
}

function unknown(header: string): PermanentError {
  return outboundError.permanent(
    "encoding_unknown",
    `the Content-Encoding of the response is not supported: ${header.slice(0, 100)}`,
  );
}

function fail(error: Error): never {
  throw error;
}

/**
 * The decoded pieces of a body, each of 16 KiB at most, so that a highly compressed body costs no memory. A reader that
 * stops also stops the decoders and the body.
 * @throws {RetryableError} `encoding_invalid`: the body does not match its `Content-Encoding`, or ends too early
 */
export async function* decoded(body: Readable, makers: readonly MakeDecoder[]): AsyncGenerator<Buffer> {
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    const first = await pieces.next();
    if (first.done === true) return; // an empty body has no coding
    let stream = rest(first.value, pieces);
    for (const make of makers) stream = await through(stream, make);
    yield* stream;
  } catch (thrown) {
    if (!DECODER_CODE.test(codeOf(thrown) ?? "")) throw thrown;
    throw outboundError.retryable(
      "encoding_invalid",
      `the response does not match its Content-Encoding: ${messageOf(thrown)}`,
      { cause: thrown },
    );
  } finally {
    await pieces.return?.();
  }
}

async function* rest(first: Buffer, pieces: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) yield next.value;
}

/** The first piece decides which decoder is made. */
async function through(
  source: AsyncGenerator<Buffer>,
  make: (first: Buffer) => Duplex,
): Promise<AsyncGenerator<Buffer>> {
  const first = await source.next();
  const decoder = make(first.done === true ? Buffer.alloc(0) : first.value);
  // errors reach the reader through the decoder
  pipeline(first.done === true ? source : rest(first.value, source), decoder, () => undefined);
  return decoder[Symbol.asyncIterator]() as AsyncGenerator<Buffer>;
}
