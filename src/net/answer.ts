/** How the body of an answer is read: into memory up to a limit, or piece by piece into what the caller gives. */
import type { Dispatcher } from "undici";
import { PermanentError } from "../core/job-type.ts";

export interface OutboundResponse {
  readonly status: number;
  /** By lower-case name. Of a header that came several times, the first value. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Empty where the request has an `into`. */
  readonly body: Buffer;
  /** Whether the body went on beyond `maxBytes`. */
  readonly isCut: boolean;
}

/** Takes a piece of a body. The next one is read when this has resolved. */
export type BodySink = (piece: Buffer) => Promise<void>;

export interface BodyLimits {
  /** How much of the body is read at most. Default 64 KiB. */
  readonly maxBytes?: number;
  /** What to do with a body larger than that: keep its beginning (default), or throw. */
  readonly onExcess?: "cut" | "fail";
  /** Takes the body of an answer of success (2xx), in place of memory. Of other answers nothing is read then. */
  readonly into?: BodySink;
}

/** @throws {PermanentError} `too_large` with `onExcess: "fail"` */
export async function readAnswer(answer: Dispatcher.ResponseData, { maxBytes = 65_536, onExcess = "cut", into }: BodyLimits): Promise<OutboundResponse> {
  const { statusCode: status } = answer;
  const headers = firstValues(answer.headers);
  if (into !== undefined && (status < 200 || status > 299)) {
    discard(answer);
    return { status, headers, body: Buffer.alloc(0), isCut: false };
  }
  const chunks: Buffer[] = [];
  const take = into ?? ((chunk) => void chunks.push(chunk));
  let bytes = Number(answer.headers["content-length"] ?? 0) > maxBytes && onExcess === "fail" ? Infinity : 0;
  if (bytes <= maxBytes) {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= maxBytes || into === undefined) await take(chunk);
      if (bytes > maxBytes) break; // which destroys the body, and its connection
    }
  }
  const isCut = bytes > maxBytes;
  if (isCut) discard(answer);
  if (isCut && onExcess === "fail") throw new PermanentError(`the answer is larger than ${maxBytes} bytes`, { code: "too_large" });
  return { status, headers, body: Buffer.concat(chunks).subarray(0, maxBytes), isCut };
}

/** What is asked of an answer here, `Retry-After` say, has one value (RFC 9110, 5.5); a server or proxy may send it twice all the same. */
function firstValues(headers: Dispatcher.ResponseData["headers"]): OutboundResponse["headers"] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]));
}

/** Gives up an answer whose body nobody reads. Its connection goes with it: draining it would be at the peer's pace. */
export function discard(answer: Dispatcher.ResponseData): void {
  answer.body.on("error", () => undefined).destroy(); // the error is our own destroy
}
