/**
 * The answer that ends a connection, because where its next request would begin is in doubt, or far off. uWebSockets.js parses a
 * packet to its end: after `end(body, true)` it serves the next request in the same packet, which another one may have smuggled in
 * there. So this answer is written whole, but never ended: the library closes a connection whose next request comes before the
 * end of an answer, and serves nothing more on it. It throws away what it has not sent by then; more text than its buffer takes
 * makes it send all at once.
 */
import type { Answer } from "./exchange.ts";

/** What is used of uWebSockets.js's HttpResponse. */
export interface LastResponse {
  writeHeader(name: string, value: string): unknown;
  /** Reads nothing more from the connection. */
  pause(): unknown;
  close(): unknown;
}

/** The library buffers 16 KiB. A JSON text may end in white space; this kind leaves no trace in a terminal. */
const PADDING = "\r".repeat(16 * 1024);
/** A client whose connection is closed while it still sends may see a reset instead of the answer. It has so long to read it. */
const LINGER_MS = 1_000;

export interface LastAnswerOptions {
  readonly isHead: boolean;
  /** Nobody knows where the request ends: the library, too, will refuse what it takes for the rest of it, with another answer. */
  readonly isFramingWrong: boolean;
}

export type SendLast = (response: LastResponse, body: string, options: LastAnswerOptions) => () => void;

/**
 * Writes the body after the status and headers that were written, and closes the connection when the client has had time to read it.
 * @returns to be called when the connection was closed by another
 */
export function sendLast(
  response: LastResponse,
  body: Extract<Answer["body"], string>,
  { isHead, isFramingWrong }: LastAnswerOptions,
): () => void {
  response.writeHeader("Connection", "close");
  // The library ends each header with a line end: here, that is the end of the body.
  const padded = body + PADDING;
  const length = String(Buffer.byteLength(padded) + 2);
  response.writeHeader("Content-Length", isHead ? `${length}\r\n` : `${length}\r\n\r\n${padded}`);
  if (isFramingWrong && !isHead) {
    response.close();
    return () => undefined;
  }
  response.pause();
  const timer = setTimeout(() => response.close(), LINGER_MS).unref();
  return () => clearTimeout(timer);
}
