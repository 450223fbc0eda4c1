/**
 * Requests that are not as they should be, as bytes, and what a server of TaskFlow does with each: a table that any address can be
 * tried with. Each ends its connection, and whatever the client sent behind it is not served.
 */

import { once } from "node:events";
import { connect } from "node:net";

interface HostileCase {
  readonly name: string;
  /** Latin-1. */
  readonly request: string;
  /** The status of the only answer; 0 for none. Several where the server library has one behaviour for each version of Node.js. */
  readonly statuses: readonly number[];
  /** At PROXY_ADDR, where it differs. */
  readonly statusesForProxies?: readonly number[];
  /** Of the problem document, where TaskFlow answers and not the library. */
  readonly code?: string;
}

/** How what follows a request is sent: where TCP cuts is up to the network. */
export const SPLITS = ["in the same packet", "in a packet of its own", "in pieces", "after the answer"] as const;
export type Split = (typeof SPLITS)[number];

/** What must not be served: it is answered with 200, wherever keys are needed and wherever they are not. */
const SMUGGLED = "GET /api/v1/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
const BODY = `{"type":"none","payload":{}}`;
/** Longer than any wait of the server's, which is 10 s. */
const CLOSED_WITHIN_MS = 20_000;
const PIECE_AFTER_MS = 20;

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
  { name: "what is not HTTP", request: "hello\r\n\r\n", statuses: [505, 0], statusesForProxies: [501] },
  {
    name: "lines that end in a line feed alone",
    request: "GET /api/v1/health/live HTTP/1.1\nHost: localhost\n\n",
    statuses: [505, 400, 0],
  },
  { name: "a chunk that is no number", request: chunked("xyz\r\n"), statuses: [400, 0] },
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
  // Their framing is clear: what they have for a body is none of the next request.
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

/** Of the two listeners of a server. */
export type Listener = "SERVER_ADDR" | "PROXY_ADDR";

interface HostileOutcome {
  /** Of all answers, in their order, but for 100 Continue. */
  readonly statuses: readonly number[];
  readonly received: string;
  readonly isClosed: boolean;
}

/** Sends a request and another one behind it, and reads until the server closes. */
async function attack(
  { request }: HostileCase,
  split: Split,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<HostileOutcome> {
  const socket = connect(port, host);
  let received = "";
  socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  socket.on("error", () => undefined); // a reset is an end like any other here
  const closed = new Promise<void>((resolve) => void socket.once("close", resolve));
  await once(socket, "connect");
  socket.setNoDelay(true);
  const pause = (ms: number): Promise<unknown> => new Promise((resolve) => void setTimeout(resolve, ms));
  for (const piece of piecesOf(request, split)) {
    if (socket.destroyed) break;
    if (piece === "")
      await Promise.race([closed, once(socket, "data"), pause(CLOSED_WITHIN_MS)]).catch(() => undefined);
    else socket.write(Buffer.from(piece, "latin1"));
    await pause(split === "in the same packet" ? 0 : PIECE_AFTER_MS);
  }
  const isClosed = await Promise.race([closed.then(() => true), pause(CLOSED_WITHIN_MS).then(() => false)]);
  socket.destroy();
  return {
    statuses: [...received.matchAll(/HTTP\/1\.1 (?!100)(\d{3})/g)].map(([, status]) => Number(status)),
    received,
    isClosed,
  };
}

/** "" stands for an answer that is waited for. */
function piecesOf(request: string, split: Split): readonly string[] {
  switch (split) {
    case "in the same packet":
      return [request + SMUGGLED + SMUGGLED];
    case "in a packet of its own":
      return [request, SMUGGLED, SMUGGLED];
    case "in pieces": {
      const middle = Math.max(3, request.indexOf(":") + 1); // within the first line, the library of Node.js 20 takes it for no HTTP
      return [request.slice(0, middle), request.slice(middle) + SMUGGLED, SMUGGLED];
    }
    case "after the answer":
      return [request, "", SMUGGLED];
  }
}

/** What is wrong with an outcome; undefined where nothing is. */
function issueOf(
  { statuses: usual, statusesForProxies = usual, code }: HostileCase,
  outcome: HostileOutcome,
  listener: Listener,
): string | undefined {
  const statuses = listener === "PROXY_ADDR" ? statusesForProxies : usual;
  const seen = `answers [${outcome.statuses.join(", ")}]${outcome.isClosed ? "" : ", and the connection was left open"}`;
  if (!outcome.isClosed || outcome.statuses.length > 1 || !statuses.includes(outcome.statuses[0] ?? 0))
    return `${seen}, expected ${statuses.join(" or ")} and its end`;
  return code === undefined || outcome.received.includes(`"code":"${code}"`) || /<h1>/.test(outcome.received)
    ? undefined
    : `${seen} without the code ${code}`;
}

/** Tries all cases at once, each with what follows it sent in this way. Resolves to a sentence for each outcome that is not as expected. */
export async function issuesOfServer(
  split: Split,
  address: { readonly host: string; readonly port: number },
  listener: Listener = "SERVER_ADDR",
): Promise<string[]> {
  const issues = await Promise.all(
    HOSTILE_CASES.map(async (hostile) => {
      const issue = issueOf(hostile, await attack(hostile, split, address), listener);
      return issue === undefined ? [] : [`${hostile.name}: ${issue}`];
    }),
  );
  return issues.flat();
}
