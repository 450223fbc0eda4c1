/**
 * What Node's HTTP server leaves to us: the answer to invalid HTTP, and the time for a client to read its last answer.
 */
import { STATUS_CODES } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Answer } from "./exchange.ts";
import { problem } from "./problem.ts";
import { BAD_LENGTH, BAD_TRANSFER, HEADERS_TOO_LARGE } from "./request-head.ts";

/**
 * How long the client may read the answer: if the connection closes while the client still sends, it may see a reset
 * instead.
 */
const LINGER_MS = 1_000;

const MALFORMED = problem(400, "malformed_http", "The request is not valid HTTP/1.0 or HTTP/1.1.", { isLast: true });
const TIMEOUT = problem(408, "request_timeout", "The request took too long to arrive.", { isLast: true });
const UNKNOWN_METHOD = problem(501, "method_unknown", "The server does not know this HTTP method.", {
  isLast: true,
});

/** By the error code of Node's parser. */
const ANSWERS: Readonly<Record<string, Answer>> = {
  HPE_INVALID_CONTENT_LENGTH: BAD_LENGTH,
  HPE_UNEXPECTED_CONTENT_LENGTH: BAD_LENGTH,
  HPE_INVALID_TRANSFER_ENCODING: BAD_TRANSFER,
  HPE_HEADER_OVERFLOW: HEADERS_TOO_LARGE,
  HPE_INVALID_METHOD: UNKNOWN_METHOD,
  ERR_HTTP_REQUEST_TIMEOUT: TIMEOUT,
};

/**
 * Answers a request that Node could not parse, and ends its connection; a connection without any bytes is closed
 * without an answer.
 */
export function answerOfClientError(error: NodeJS.ErrnoException, stream: Duplex): void {
  // A second answer would look like a part of the first.
  const isAnswering = "_httpMessage" in stream && Boolean(stream._httpMessage);
  if (
    !(stream instanceof Socket) ||
    !stream.writable ||
    stream.bytesRead === 0 ||
    error.code === "ECONNRESET" ||
    isAnswering
  ) {
    stream.destroy(error);
    return;
  }
  const { status, contentType = "", body, headers = [] } = ANSWERS[error.code ?? ""] ?? MALFORMED;
  const ownHeaders = [
    ...headers,
    ["Content-Type", contentType],
    ["Content-Length", Buffer.byteLength(body as string)],
    ["Connection", "close"],
  ] as const;
  const lines = ownHeaders.map(([name, value]) => `${name}: ${value}`);
  stream.write([`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`, ...lines, "", body as string].join("\r\n"));
  stream.destroySoon();
}

/**
 * Makes a connection close its sending side first, and the receiving side when the client has closed, or {@link
 * LINGER_MS} later.
 */
export function lingering(socket: Socket): void {
  socket.destroySoon = () => {
    if (socket.writable) socket.end();
    socket.resume();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };
}
