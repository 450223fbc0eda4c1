/** Reads the body of a response: into memory up to a limit, or piece by piece into the caller's sink. */
import type { Dispatcher } from "undici";
import { decoded, decodersOf } from "./content-coding.ts";
import { outboundError } from "./error-codes.ts";

export interface OutboundResponse {
  readonly status: number;
  /** By lower-case name. A repeated header has its first value. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Empty if the request has an `into`. */
  readonly body: Buffer;
  /** Whether the body was longer than `maxBytes`. */
  readonly isCut: boolean;
  /**
   * With `statusDecides`: why the rest of the response could not be read. `headers` and `body` contain what arrived
   * before that.
   */
  readonly flaw?: unknown;
}

/** The part of a response that has been read. */
export interface PartialAnswer {
  status: number;
  headers: OutboundResponse["headers"];
  readonly pieces: Buffer[];
}

/** Takes a piece of a body. The next piece is read once the promise resolves. */
type BodySink = (piece: Buffer) => Promise<void>;

export interface BodyLimits {
  /** The most bytes of the body that are read, after its Content-Encoding is decoded. Default 64 KiB. */
  readonly maxBytes?: number;
  /** What to do with a larger body: keep its beginning (default), or throw. */
  readonly onExcess?: "cut" | "fail";
  /** Takes the body of a 2xx response instead of memory. The bodies of other responses are not read then. */
  readonly into?: BodySink;
}

/**
 * @param part receives what has been read, so that the caller has it even if reading fails
 * @throws {PermanentError} `too_large` with `onExcess: "fail"`; `encoding_unknown`
 * @throws {RetryableError} `encoding_invalid`
 */
export async function readAnswer(
  answer: Dispatcher.ResponseData<unknown>,
  { maxBytes = 65_536, onExcess = "cut", into }: BodyLimits,
  part: PartialAnswer,
): Promise<OutboundResponse> {
  const { status, headers, pieces } = part;
  if (into !== undefined && (status < 200 || status > 299)) {
    discard(answer);
    return { status, headers, body: Buffer.alloc(0), isCut: false };
  }
  const take = into ?? ((piece) => void pieces.push(piece));
  const body = bodyOf(answer);
  let bytes =
    body === answer.body && Number(answer.headers["content-length"] ?? 0) > maxBytes && onExcess === "fail"
      ? Infinity
      : 0;
  if (bytes <= maxBytes) {
    for await (const piece of body) {
      bytes += piece.length;
      if (bytes <= maxBytes || into === undefined) await take(piece);
      if (bytes > maxBytes) break; // destroys the body and its connection
    }
  }
  const isCut = bytes > maxBytes;
  if (isCut) discard(answer);
  if (isCut && onExcess === "fail")
    throw outboundError.permanent("too_large", `the response is larger than ${maxBytes} bytes`);
  return { status, headers, body: Buffer.concat(pieces).subarray(0, maxBytes), isCut };
}

/** A response whose rest cannot be read. */
export function flawedAnswer(
  { status, headers, pieces }: PartialAnswer,
  { maxBytes = 65_536 }: BodyLimits,
  flaw: unknown,
): OutboundResponse {
  return { status, headers, body: Buffer.concat(pieces).subarray(0, maxBytes), isCut: false, flaw };
}

function bodyOf(answer: Dispatcher.ResponseData<unknown>): AsyncIterable<Buffer> {
  const header = answer.headers["content-encoding"];
  if (header === undefined) return answer.body;
  try {
    const decoders = decodersOf(String(header)); // several headers count as one list
    return decoders.length === 0 ? answer.body : decoded(answer.body, decoders);
  } catch (error) {
    discard(answer);
    throw error;
  }
}

/**
 * The headers that callers read, such as `Retry-After`, have one value (RFC 9110, 5.5), but a server or proxy may send
 * them twice.
 */
export function firstValues(headers: Dispatcher.ResponseData["headers"]): OutboundResponse["headers"] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}

/** Discards a response and closes its connection: draining the body would take as long as the peer likes. */
export function discard(answer: Dispatcher.ResponseData<unknown>): void {
  answer.body.on("error", () => undefined).destroy(); // the error is our own destroy
}
