/** What Node's own HTTP server leaves to its user: the answer to what is no HTTP, and the time for a client to read its last answer. */
import { STATUS_CODES } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Answer } from "./exchange.ts";
import { problem } from "./problem.ts";
import { BAD_LENGTH, BAD_TRANSFER, HEADERS_TOO_LARGE } from "./request-head.ts";

/** A client whose connection is closed while it still sends may see a reset instead of the answer. It has so long to read it. */
const LINGER_MS = 1_000;

const MALFORMED = problem(400, "malformed_http", "This is not a request of HTTP/1.0 or HTTP/1.1.", { isLast: true });
const TIMEOUT = problem(408, "request_timeout", "The request took too long to arrive.", { isLast: true });
const UNKNOWN_METHOD = problem(501, "method_unknown", "This is no method of HTTP that is known here.", {
  isLast: true,
});

/** By the codes of Node's parser. */
const ANSWERS: Readonly<Record<string, Answer>> = {
  HPE_INVALID_CONTENT_LENGTH: BAD_LENGTH,
  HPE_UNEXPECTED_CONTENT_LENGTH: BAD_LENGTH,
  HPE_INVALID_TRANSFER_ENCODING: BAD_TRANSFER,
  HPE_HEADER_OVERFLOW: HEADERS_TOO_LARGE,
  HPE_INVALID_METHOD: UNKNOWN_METHOD,
  ERR_HTTP_REQUEST_TIMEOUT: TIMEOUT,
};

/** Answers a request that Node could not read, and ends its connection. One that never sent anything is closed without a word. */
export function answerOfClientError(error: NodeJS.ErrnoException, stream: Duplex): void {
  const isAnswering = "_httpMessage" in stream && Boolean(stream._httpMessage); // another answer would be taken for a part of it
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

/** Makes a connection end its sending side first, and the other one when the client has closed or had its time. */
export function lingering(socket: Socket): void {
  socket.destroySoon = () => {
    if (socket.writable) socket.end();
    socket.resume();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };
}
