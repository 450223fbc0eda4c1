/** Reads the headers of a request in one pass, and rejects a request before its body is read. */
import { isProxyHeader } from "../access/proxy-headers.ts";
import type { Answer, RequestHeaders } from "./exchange.ts";
import { problem } from "./problem.ts";

/**
 * uWebSockets.js accepts 64 KiB and more if they arrive in one packet; legitimate requests need less than a quarter of
 * that.
 */
export const MAX_HEADER_BYTES = 16 * 1024;

/**
 * A body that exceeds its limit by at most this much is read to its end and discarded before it is rejected: if the
 * connection closes while a client still sends, it often sees a reset instead of the answer.
 */
export const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;

export interface RequestHead extends RequestHeaders {
  /** "" if there is none; {@link DOUBTFUL} if it is empty, or there are several. */
  readonly contentLength: string;
  readonly contentEncoding: string;
  /** As `contentLength`. */
  readonly transferEncoding: string;
  readonly authorization: string;
  readonly acceptEncoding: string;
  readonly requestId: string;
  /** Several are joined with a comma, which is not a valid host. */
  readonly host: string | undefined;
  readonly origin: string;
  readonly fetchSite: string;
  /** The header of an auth proxy with its user (proxy-users.ts). Several are joined with a comma and a space. */
  readonly user: string | undefined;
  /** A proxy passed the request on for another client. */
  readonly isForwarded: boolean;
  readonly headerBytes: number;
  readonly hostCount: number;
  readonly connection: string;
}

/**
 * Marks an ambiguous header that determines where the body ends. A proxy that reads it differently would see other
 * requests on this connection (request smuggling).
 */
const DOUBTFUL = "?";

const CLOSE_OPTION = /(?:^|[\s,])close(?:$|[\s,])/i;

type Writable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

/** Calls back with each header, its name in lower case. */
type ForEachHeader = (visit: (name: string, value: string) => void) => void;

/** @param userHeader the name of the header with an auth proxy's user, in lower case; undefined for none */
export function readHead(forEachHeader: ForEachHeader, userHeader?: string): RequestHead {
  const head: Writable<RequestHead> = {
    contentType: "",
    idempotencyKey: undefined,
    prefer: "",
    lastEventId: "",
    range: "",
    ifRange: "",
    ifMatch: "",
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
    user: undefined,
    isForwarded: false,
    headerBytes: 0,
    hostCount: 0,
    connection: "",
  };
  forEachHeader((name, value) => {
    head.headerBytes += name.length + value.length + 4;
    readHeader(head, name, value, userHeader);
  });
  return head;
}

/** Joins headers of the same name whose values are lists (RFC 9110, 5.3). */
function joined(list: string, value: string): string {
  return list === "" ? value : `${list}, ${value}`;
}

function readHeader(head: Writable<RequestHead>, name: string, value: string, userHeader: string | undefined): void {
  switch (name) {
    case "content-type":
      head.contentType = value;
      break;
    case "content-length":
      head.contentLength = head.contentLength === "" && value !== "" ? value : DOUBTFUL;
      break;
    case "idempotency-key": // given twice, it becomes invalid: a key contains neither comma nor space
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
    case "if-match":
      head.ifMatch = joined(head.ifMatch, value);
      break;
    case "if-none-match":
      head.ifNoneMatch = joined(head.ifNoneMatch, value);
      break;
    case "accept":
      head.accept = joined(head.accept, value);
      break;
    default:
      if (name === userHeader) head.user = head.user === undefined ? value : `${head.user}, ${value}`;
      head.isForwarded ||= isProxyHeader(name);
  }
}

export const HEADERS_TOO_LARGE = problem(431, "headers_too_large", `The headers exceed ${MAX_HEADER_BYTES} bytes.`, {
  isLast: true,
});
export const BAD_LENGTH = problem(400, "content_length_invalid", "Content-Length must be a single number.", {
  isLast: true,
});
export const BAD_TRANSFER = problem(
  400,
  "transfer_encoding_invalid",
  "The only supported Transfer-Encoding is chunked, given once and without Content-Length.",
  { isLast: true },
);
export const BAD_HOST = problem(400, "host_invalid", "Host must be given exactly once.", { isLast: true });
const ENCODED = problem(
  415,
  "unsupported_content_encoding",
  "Content-Encoding is not supported: send the body uncompressed.",
  {
    isLast: true,
  },
);

export function bodyTooLarge(maxBodyBytes: number): Answer {
  return problem(413, "body_too_large", `The body exceeds ${maxBodyBytes} bytes.`, { isLast: true });
}

/**
 * Whether no other request may be served on the connection after this one:
 * - the client asks for that,
 * - the body is chunked: uWebSockets.js is less strict about its end than the RFC, as it accepts a line feed as a line
 *   end, and any two bytes as the line end after a chunk,
 * - or it may have a body of unknown length: the library hides all headers after one without a name, including a
 *   length.
 */
export function isLastRequest({ connection, contentLength, transferEncoding }: RequestHead, method: string): boolean {
  if (transferEncoding !== "" || (connection !== "" && CLOSE_OPTION.test(connection))) return true;
  return contentLength === "" && (method === "POST" || method === "PUT" || method === "PATCH");
}

/** 1 to 15 digits. For so few characters, a loop is ten times as quick as a regular expression. */
function isLength(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return text !== "" && text.length <= 15;
}

/**
 * Rejects a request before its body is read. The answer ends the connection: the start of the next request is
 * uncertain, or far away.
 */
export function rejectionOfHead(head: RequestHead, maxBodyBytes: number): Answer | undefined {
  const { contentLength, contentEncoding, transferEncoding } = head;
  if (head.headerBytes > MAX_HEADER_BYTES) return HEADERS_TOO_LARGE;
  if (contentLength !== "" && !isLength(contentLength)) return BAD_LENGTH;
  if (transferEncoding !== "" && (transferEncoding !== "chunked" || contentLength !== "")) return BAD_TRANSFER;
  if (head.hostCount > 1) return BAD_HOST;
  if (maxBodyBytes === 0) return undefined; // the body is ignored
  if (contentEncoding !== "" && contentEncoding !== "identity") return ENCODED;
  return Number(contentLength) > maxBodyBytes + MAX_DISCARDED_BYTES ? bodyTooLarge(maxBodyBytes) : undefined;
}
