/** The codings of a body (RFC 9110, 8.4.1), undone piece by piece. */
import { type Duplex, pipeline, type Readable } from "node:stream";
import * as zlib from "node:zlib";
import { PermanentError } from "../core/job-type.ts";
import { codeOf, messageOf } from "../errors.ts";
import { outboundError } from "./error-codes.ts";

/** More is no use to anyone, and each costs its window of memory. */
const MAX_CODINGS = 3;

/** Of Node 22.15 and later. */
const { createZstdDecompress } = zlib as { readonly createZstdDecompress?: () => Duplex };

/** The codes of Node's decoders: of zlib, Brotli and Zstandard. */
const DECODER_CODE = /^(Z_|ERR_BROTLI|ERR__ERROR_|ZSTD_)/;

type MakeDecoder = (first: Buffer) => Duplex;

/**
 * What undoes a `Content-Encoding`, in the order in which it is applied; nothing for a body that is not encoded.
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
  // "deflate" is the zlib format, but many a server sends the bare stream that zlib wraps
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
    `the answer is encoded in a way that is not known here: ${header.slice(0, 100)}`,
  );
}

function fail(error: Error): never {
  throw error;
}

/**
 * The decoded pieces of a body, each of 16 KiB at most, so that a body of many times its length costs no memory. Whoever stops reading
 * stops the decoders and the body.
 * @throws {RetryableError} `encoding_invalid`: the body is not what its `Content-Encoding` says, or ends too early
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
      `the answer is not what its Content-Encoding says: ${messageOf(thrown)}`,
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
  pipeline(first.done === true ? source : rest(first.value, source), decoder, () => undefined); // its error reaches whoever reads the decoder
  return decoder[Symbol.asyncIterator]() as AsyncGenerator<Buffer>;
}
