/** The answers to requests that went out: they are read to a limit, and no further. */
import type { Dispatcher } from "undici";
import { PermanentError } from "../core/job-type.ts";
import type { OutboundResponse } from "./outbound.ts";

/**
 * Reads an answer, up to `maxBytes` of its body.
 * @throws {PermanentError} `too_large` with `onExcess: "fail"`
 */
export async function readAnswer(answer: Dispatcher.ResponseData, maxBytes: number, onExcess: "cut" | "fail"): Promise<OutboundResponse> {
  const chunks: Buffer[] = [];
  let bytes = Number(answer.headers["content-length"] ?? 0) > maxBytes && onExcess === "fail" ? Infinity : 0;
  if (bytes <= maxBytes) {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxBytes) break; // which destroys the body, and its connection
    }
  }
  const isCut = bytes > maxBytes;
  if (isCut) discard(answer);
  if (isCut && onExcess === "fail") throw new PermanentError(`the answer is larger than ${maxBytes} bytes`, { code: "too_large" });
  return { status: answer.statusCode, headers: firstValues(answer.headers), body: Buffer.concat(chunks).subarray(0, maxBytes), isCut };
}

/** What is asked of an answer here, `Retry-After` say, has one value (RFC 9110, 5.5); a server or proxy may send it twice all the same. */
function firstValues(headers: Dispatcher.ResponseData["headers"]): OutboundResponse["headers"] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]));
}

/** Gives up an answer whose body nobody reads. Its connection goes with it: draining it would be at the peer's pace. */
export function discard(answer: Dispatcher.ResponseData): void {
  answer.body.on("error", () => undefined).destroy(); // the error is our own destroy
}
