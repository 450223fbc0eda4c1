/** The name of the header in which an auth proxy names its user. */

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/;

/**
 * Headers that cannot name a user: those that the server reads itself (request-head.ts), those of the connection, and
 * those in which every browser or proxy sends something else.
 */
const OTHER_HEADERS: ReadonlySet<string> = new Set([
  ...["accept", "accept-encoding", "authorization", "connection", "content-encoding", "content-length", "content-type"],
  ...["host", "idempotency-key", "if-match", "if-none-match", "if-range", "last-event-id", "origin", "prefer", "range"],
  ...["sec-fetch-site", "transfer-encoding", "x-request-id"],
  ...["expect", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade"],
  ...["accept-language", "cookie", "referer", "user-agent"],
  ...["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-real-ip"],
]);

/** @returns the name in lower case, "" for none; undefined if it is not valid */
export function parseUserHeader(text: string): string | undefined {
  const name = text.trim().toLowerCase();
  return name === "" || (TOKEN.test(name) && !OTHER_HEADERS.has(name)) ? name : undefined;
}
