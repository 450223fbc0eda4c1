/**
 * The answer that ends a connection because the start of the next request is uncertain, or far away. uWebSockets.js
 * parses a packet to its end: after `end(body, true)` it would serve the next request in the same packet, which an
 * attacker may have smuggled in. So this answer is written completely but never ended: the library closes a connection
 * whose next request comes before the end of an answer, and serves nothing more on it. It then discards what it has not
 * sent; text that exceeds its buffer makes it send everything at once.
 */
import type { Answer } from "./exchange.ts";

/** The part of uWebSockets.js's HttpResponse that is used here. */
export interface LastResponse {
  writeHeader(name: string, value: string): unknown;
  /** Stops reading from the connection. */
  pause(): unknown;
  close(): unknown;
}

/** The library buffers 16 KiB. JSON may end in white space; a carriage return is invisible in a terminal. */
const PADDING = "\r".repeat(16 * 1024);
/**
 * How long the client may read the answer: if the connection closes while the client still sends, it may see a reset
 * instead.
 */
const LINGER_MS = 1_000;

export interface LastAnswerOptions {
  readonly isHead: boolean;
  /** The end of the request is unknown: the library would reject the rest of it with another answer. */
  readonly isFramingWrong: boolean;
}

export type SendLast = (response: LastResponse, body: string, options: LastAnswerOptions) => () => void;

/**
 * Writes the body, after the status and headers, and closes the connection when the client has had time to read it.
 * @returns to be called when something else has closed the connection
 */
export function sendLast(
  response: LastResponse,
  body: Extract<Answer["body"], string>,
  { isHead, isFramingWrong }: LastAnswerOptions,
): () => void {
  response.writeHeader("Connection", "close");
  // The library adds a line end after each header; here it becomes the end of the body.
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
