/** How the body of an answer is read: into memory up to a limit, or piece by piece into what the caller gives. */
import type { Dispatcher } from "undici";
import { decoded, decodersOf } from "./content-coding.ts";
import { outboundError } from "./error-codes.ts";

export interface OutboundResponse {
  readonly status: number;
  /** By lower-case name. Of a header that came several times, the first value. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Empty where the request has an `into`. */
  readonly body: Buffer;
  /** Whether the body went on beyond `maxBytes`. */
  readonly isCut: boolean;
  /** With `statusDecides`: why the rest of the answer could not be read. `headers` and `body` are what came before that. */
  readonly flaw?: unknown;
}

/** What has been read of an answer. */
export interface PartialAnswer {
  status: number;
  headers: OutboundResponse["headers"];
  readonly pieces: Buffer[];
}

/** Takes a piece of a body. The next one is read when this has resolved. */
export type BodySink = (piece: Buffer) => Promise<void>;

export interface BodyLimits {
  /** How much of the body is read at most, after its Content-Encoding is undone. Default 64 KiB. */
  readonly maxBytes?: number;
  /** What to do with a body larger than that: keep its beginning (default), or throw. */
  readonly onExcess?: "cut" | "fail";
  /** Takes the body of an answer of success (2xx), in place of memory. Of other answers nothing is read then. */
  readonly into?: BodySink;
}

/**
 * @param part gets what is read, for whoever makes do with less than all of it
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
      if (bytes > maxBytes) break; // which destroys the body, and its connection
    }
  }
  const isCut = bytes > maxBytes;
  if (isCut) discard(answer);
  if (isCut && onExcess === "fail")
    throw outboundError.permanent("too_large", `the answer is larger than ${maxBytes} bytes`);
  return { status, headers, body: Buffer.concat(pieces).subarray(0, maxBytes), isCut };
}

/** What is known of an answer whose rest cannot be read. */
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
    const decoders = decodersOf(String(header)); // of several headers, as if they were one
    return decoders.length === 0 ? answer.body : decoded(answer.body, decoders);
  } catch (error) {
    discard(answer);
    throw error;
  }
}

/** What is asked of an answer here, `Retry-After` say, has one value (RFC 9110, 5.5); a server or proxy may send it twice all the same. */
export function firstValues(headers: Dispatcher.ResponseData["headers"]): OutboundResponse["headers"] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}

/** Gives up an answer whose body nobody reads. Its connection goes with it: draining it would be at the peer's pace. */
export function discard(answer: Dispatcher.ResponseData<unknown>): void {
  answer.body.on("error", () => undefined).destroy(); // the error is our own destroy
}
