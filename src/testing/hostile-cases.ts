/**
 * A table of invalid and ambiguous requests as bytes, with TaskFlow's answer to each, for a server at any address. Each
 * request ends its connection, and the server answers nothing that the client sent after it.
 */

export interface HostileCase {
  readonly name: string;
  /** Latin-1. */
  readonly request: string;
  /**
   * The status of the only answer; 0 for none. Several if the server library behaves differently on versions of
   * Node.js.
   */
  readonly statuses: readonly number[];
  /** The statuses at PROXY_ADDR, if they differ. */
  readonly statusesForProxies?: readonly number[];
  /** The code of the problem document, if TaskFlow answers and not the library. */
  readonly code?: string;
}

/** The request that must not be served: with and without keys, its answer would be 200. */
export const SMUGGLED = "GET /api/v1/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
const BODY = `{"type":"none","payload":{}}`;

function post(headers: readonly string[], body: string, path = "/api/v1/jobs"): string {
  return [`POST ${path} HTTP/1.1`, "Host: localhost", "Content-Type: application/json", ...headers, "", body].join(
    "\r\n",
  );
}
const chunked = (body: string, ...headers: readonly string[]): string =>
  post([...headers, "Transfer-Encoding: chunked"], body);
const CHUNKS = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
const get = (...headers: readonly string[]): string =>
  ["GET /api/v1/health/live HTTP/1.1", "Host: localhost", ...headers, "", ""].join("\r\n");

const length = (value: string, ...headers: readonly string[]): string =>
  post([`Content-Length:${value}`, ...headers], BODY);
const ofLength = (name: string, request: string): HostileCase => ({
  name,
  request,
  statuses: [400],
  code: "content_length_invalid",
});
const ofTransfer = (name: string, request: string): HostileCase => ({
  name,
  request,
  statuses: [400],
  code: "transfer_encoding_invalid",
});
const N = String(BODY.length);

export const HOSTILE_CASES: readonly HostileCase[] = [
  ofLength("two lengths, the first one 0", length(" 0", "Content-Length: 79")),
  ofLength("two lengths, the last one 0", length(` ${N}`, "Content-Length: 0")),
  ofLength("two equal lengths", length(` ${N}`, `Content-Length: ${N}`)),
  ofLength("two lengths, in two cases", length(` ${N}`, "CONTENT-LENGTH: 79")),
  ofLength("an empty length", length("")),
  ofLength("an empty length and another one", length("", `Content-Length: ${N}`)),
  ofLength("a length and an empty one", length(` ${N}`, "Content-Length:")),
  ...[
    " 0, 79",
    ` ${N}, ${N}`,
    " +1",
    " -1",
    " 1e1",
    " 0x5",
    " 1 2",
    " 1.0",
    " 5;",
    " abc",
    " 99999999999999999999",
  ].map((value) => ({ ...ofLength(`a length of${value}`, length(value)), statuses: [400, 413] })),
  ofLength("two lengths, of a GET", get("Content-Length: 0", "Content-Length: 79")),
  ofLength("an empty length, of a GET", get("Content-Length:")),
  {
    name: "two lengths, of a HEAD",
    request: get("Content-Length: 0", "Content-Length: 79").replace("GET", "HEAD"),
    statuses: [400, 0],
  },
  ofLength("two lengths, of a DELETE", get("Content-Length: 0", "Content-Length: 79").replace("GET", "DELETE")),
  ofLength("two lengths, at no path", get("Content-Length: 0", "Content-Length: 79").replace("/api", "/none")),
  { name: "a length and chunks", request: chunked(CHUNKS, `Content-Length: ${N}`), statuses: [400] },
  {
    name: "chunks and a length",
    request: post(["Transfer-Encoding: chunked", `Content-Length: ${N}`], CHUNKS),
    statuses: [400],
  },
  ofLength("chunks and an empty length", chunked(CHUNKS, "Content-Length:")),
  ofTransfer("no encoding's name", post(["Transfer-Encoding:"], "")),
  ofTransfer("no encoding's name, and a length", post(["Transfer-Encoding:", `Content-Length: ${N}`], BODY)),
  ...[
    "gzip",
    "gzip, chunked",
    "chunked, chunked",
    "xchunked",
    "identity",
    "chunked;q=1",
    "chunked,",
    '"chunked"',
    "cow",
  ].map((value) => ofTransfer(`a transfer encoding of ${value}`, post([`Transfer-Encoding: ${value}`], CHUNKS))),
  ofTransfer("two transfer encodings", post(["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"], CHUNKS)),
  ofTransfer(
    "the same transfer encoding twice",
    post(["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], CHUNKS),
  ),
  {
    name: "compression",
    request: post([`Content-Length: ${N}`, "Content-Encoding: gzip"], BODY),
    statuses: [415],
    code: "unsupported_content_encoding",
  },
  {
    name: "a body of 100 MB",
    request: post(["Content-Length: 104857600"], ""),
    statuses: [413],
    code: "body_too_large",
  },
  { name: "headers of 20 KB", request: get(`X-Large: ${"x".repeat(20_000)}`), statuses: [431] },
  { name: "two Hosts", request: get("Host: other"), statuses: [400] },
  { name: "Connection: close", request: get("Connection: close"), statuses: [200, 0] },
  { name: "Connection: Close", request: get("Connection: Close"), statuses: [200, 0] },
  { name: "Connection: close in a list", request: get("Connection: x, close"), statuses: [200, 0] },
  {
    name: "Connection: close, at no path",
    request: get("Connection: close").replace("/api", "/none"),
    statuses: [404, 0],
  },
  {
    name: "Connection: close, of a HEAD",
    request: get("Connection: close").replace("GET", "HEAD"),
    statuses: [200, 0],
  },
  ...["\t: chunked", " : chunked", ":\x0bchunked", ": chunked\r\n , x", ":\n chunked", "\0: chunked"].map((text) => ({
    name: `Transfer-Encoding${text.replaceAll(/[^ -~]/g, "?")}`,
    request: post([`Transfer-Encoding${text}`], CHUNKS),
    statuses: [400, 0],
  })),
  ...["Content-Length : 5", " Content-Length: 5", "X: a\nContent-Length: 5", "X: a\0b", "X: a\r\n b", "no colon"].map(
    (line) => ({
      name: `the line ${line.replaceAll(/[^ -~]/g, "?")}`,
      request: post([line], BODY),
      statuses: [400, 0],
    }),
  ),
  { name: "200 headers", request: get(...Array.from({ length: 200 }, (_, i) => `X-${i}: a`)), statuses: [431, 0] },
  { name: "no Host", request: "GET /api/v1/health/live HTTP/1.1\r\nX: a\r\n\r\n", statuses: [400] },
  { name: "HTTP/1.0", request: get().replace("1.1", "1.0"), statuses: [505], statusesForProxies: [200] },
  {
    name: "HTTP/1.0 with chunks",
    request: chunked(CHUNKS).replace("1.1", "1.0"),
    statuses: [505],
    statusesForProxies: [400],
  },
  {
    name: "HTTP/2 without a word",
    request: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    statuses: [505],
    statusesForProxies: [400],
  },
  { name: "bytes that are not HTTP", request: "hello\r\n\r\n", statuses: [505, 0], statusesForProxies: [501] },
  {
    name: "lines that end in a line feed alone",
    request: "GET /api/v1/health/live HTTP/1.1\nHost: localhost\n\n",
    statuses: [505, 400, 0],
  },
  { name: "a chunk size that is not a number", request: chunked("xyz\r\n"), statuses: [400, 0] },
  { name: "a chunk of a negative size", request: chunked(`-5\r\n${BODY}\r\n0\r\n\r\n`), statuses: [400, 0] },
  { name: "a chunk of 2^64 bytes", request: chunked(`10000000000000000\r\n${BODY}\r\n0\r\n\r\n`), statuses: [400, 0] },
  ...[
    CHUNKS,
    CHUNKS.replaceAll("\r", ""),
    CHUNKS.replace(/\r\n0/, "xx0"),
    CHUNKS.replace(/\r\n$/, "xx"),
    `${N};a=b${CHUNKS.slice(2)}`,
  ].map((chunks) => ({
    name: `the chunks ${JSON.stringify(chunks)}`,
    request: chunked(chunks),
    statuses: [422, 401, 400, 0],
  })),
  // Their framing is unambiguous: the body is not the next request.
  {
    name: "a body of a GET",
    request: get(`Content-Length: ${SMUGGLED.length}`, "Connection: close") + SMUGGLED,
    statuses: [200, 0],
  },
  {
    name: "a body of a HEAD",
    request: get(`Content-Length: ${SMUGGLED.length}`, "Connection: close").replace("GET", "HEAD") + SMUGGLED,
    statuses: [200, 0],
  },
  {
    name: "a body of a DELETE",
    request: get(`Content-Length: ${SMUGGLED.length}`, "Connection: close").replace("GET", "DELETE") + SMUGGLED,
    statuses: [405, 0],
  },
  {
    name: "a body of a GET, in chunks",
    request: `${get("Transfer-Encoding: chunked")}${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
    statuses: [200, 0],
  },
  ...["100-continue", "y 100-continue", "all"].map((value) => ({
    name: `Expect: ${value}`,
    request: post([`Expect: ${value}`, `Content-Length: ${SMUGGLED.length}`, "Connection: close"], SMUGGLED),
    statuses: [400, 401, 0],
  })),
  { name: "a trailer", request: chunked(`${CHUNKS.slice(0, -2)}X: a\r\n\r\n`), statuses: [400, 422, 505, 0] },
];
