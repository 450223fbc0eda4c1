/** The headers of one request, read in one pass, and what makes a request be refused before its body is read. */

import { isProxyHeader } from "../access/proxy-headers.ts";
import type { Answer, RequestHeaders } from "./exchange.ts";
import { problem } from "./problem.ts";

/** uWebSockets.js takes 64 KiB and more when they come in one packet; nobody who means well sends a quarter of it. */
export const MAX_HEADER_BYTES = 16 * 1024;

/**
 * A body that exceeds its limit by no more than this is read to its end and thrown away before it is refused: a client
 * whose connection is closed while it still sends often sees a reset, and not the answer.
 */
export const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;

export interface RequestHead extends RequestHeaders {
  /** "" where there is none; {@link DOUBTFUL} where it is empty, or there are several. */
  readonly contentLength: string;
  readonly contentEncoding: string;
  /** As the length. */
  readonly transferEncoding: string;
  readonly authorization: string;
  readonly acceptEncoding: string;
  readonly requestId: string;
  /** Two of them are one with a comma between, which no host has. */
  readonly host: string | undefined;
  readonly origin: string;
  readonly fetchSite: string;
  /** A proxy speaks for somebody else. */
  readonly isForwarded: boolean;
  readonly headerBytes: number;
  readonly hostCount: number;
  readonly connection: string;
}

/** No value of a header that says where the body ends: whoever reads another one of them sees other requests on this connection (request smuggling). */
const DOUBTFUL = "?";

const CLOSE_OPTION = /(?:^|[\s,])close(?:$|[\s,])/i;

type Writable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

/** Calls back with each header, its name in lower case. */
type ForEachHeader = (visit: (name: string, value: string) => void) => void;

export function readHead(forEachHeader: ForEachHeader): RequestHead {
  const head: Writable<RequestHead> = {
    contentType: "",
    idempotencyKey: undefined,
    prefer: "",
    lastEventId: "",
    range: "",
    ifRange: "",
    ifNoneMatch: "",
    accept: "",
    contentLength: "",
    contentEncoding: "",
    transferEncoding: "",
    authorization: "",
    acceptEncoding: "",
    requestId: "",
    host: undefined,
    origin: "",
    fetchSite: "",
    isForwarded: false,
    headerBytes: 0,
    hostCount: 0,
    connection: "",
  };
  forEachHeader((name, value) => {
    head.headerBytes += name.length + value.length + 4;
    readHeader(head, name, value);
  });
  return head;
}

/** Headers of one name whose value is a list are one list (RFC 9110, 5.3). */
function joined(list: string, value: string): string {
  return list === "" ? value : `${list}, ${value}`;
}

function readHeader(head: Writable<RequestHead>, name: string, value: string): void {
  switch (name) {
    case "content-type":
      head.contentType = value;
      break;
    case "content-length":
      head.contentLength = head.contentLength === "" && value !== "" ? value : DOUBTFUL;
      break;
    case "idempotency-key": // given twice, it is none: a comma and a space are not allowed in one
      head.idempotencyKey = head.idempotencyKey === undefined ? value : `${head.idempotencyKey}, ${value}`;
      break;
    case "prefer":
      head.prefer = joined(head.prefer, value);
      break;
    case "last-event-id":
      head.lastEventId = value;
      break;
    case "authorization":
      head.authorization = value;
      break;
    case "accept-encoding":
      head.acceptEncoding = joined(head.acceptEncoding, value);
      break;
    case "x-request-id":
      head.requestId = value;
      break;
    case "host":
      head.host = head.host === undefined ? value : `${head.host}, ${value}`;
      head.hostCount += 1;
      break;
    case "connection":
      head.connection = joined(head.connection, value);
      break;
    case "origin":
      head.origin = value;
      break;
    case "sec-fetch-site":
      head.fetchSite = value;
      break;
    case "content-encoding":
      head.contentEncoding = joined(head.contentEncoding, value.toLowerCase());
      break;
    case "transfer-encoding":
      head.transferEncoding = head.transferEncoding === "" && value !== "" ? value.toLowerCase() : DOUBTFUL;
      break;
    case "range":
      head.range = value;
      break;
    case "if-range":
      head.ifRange = value;
      break;
    case "if-none-match":
      head.ifNoneMatch = joined(head.ifNoneMatch, value);
      break;
    case "accept":
      head.accept = joined(head.accept, value);
      break;
    default:
      head.isForwarded ||= isProxyHeader(name);
  }
}

export const HEADERS_TOO_LARGE = problem(431, "headers_too_large", `The headers exceed ${MAX_HEADER_BYTES} bytes.`, {
  isLast: true,
});
export const BAD_LENGTH = problem(400, "content_length_invalid", "Content-Length must be one number.", {
  isLast: true,
});
export const BAD_TRANSFER = problem(
  400,
  "transfer_encoding_invalid",
  "The only Transfer-Encoding taken is chunked, once and without Content-Length.",
  { isLast: true },
);
export const BAD_HOST = problem(400, "host_invalid", "Host must be given once.", { isLast: true });
const ENCODED = problem(415, "unsupported_content_encoding", "Bodies are taken without Content-Encoding.", {
  isLast: true,
});

export function bodyTooLarge(maxBodyBytes: number): Answer {
  return problem(413, "body_too_large", `The body exceeds ${maxBodyBytes} bytes.`, { isLast: true });
}

/**
 * No other request is served on the connection after this one: the client asks for that, or the body comes in chunks, about whose end
 * uWebSockets.js is less strict than the RFC: it takes a line feed for a line end, and any two bytes for the one after a chunk. Nor
 * after one that may have a body and does not say how long: the library shows no header after one without a name, a length among them.
 */
export function isLastRequest({ connection, contentLength, transferEncoding }: RequestHead, method: string): boolean {
  if (transferEncoding !== "" || (connection !== "" && CLOSE_OPTION.test(connection))) return true;
  return contentLength === "" && method === "POST";
}

/** Why a request is refused before its body is read. The connection ends with it: where the next request would begin is in doubt, or far off. */
export function issueOfHead(head: RequestHead, maxBodyBytes: number): Answer | undefined {
  const { contentLength, contentEncoding, transferEncoding } = head;
  if (head.headerBytes > MAX_HEADER_BYTES) return HEADERS_TOO_LARGE;
  if (contentLength !== "" && !/^\d{1,15}$/.test(contentLength)) return BAD_LENGTH;
  if (transferEncoding !== "" && (transferEncoding !== "chunked" || contentLength !== "")) return BAD_TRANSFER;
  if (head.hostCount > 1) return BAD_HOST;
  if (maxBodyBytes === 0) return undefined; // a body is not looked at
  if (contentEncoding !== "" && contentEncoding !== "identity") return ENCODED;
  return Number(contentLength) > maxBodyBytes + MAX_DISCARDED_BYTES ? bodyTooLarge(maxBodyBytes) : undefined;
}
