/**
 * A second port for proxies and load balancers, on Node's HTTP server: unlike uWebSockets.js, it supports HTTP/1.0 and
 * can keep idle connections longer than the usual load balancer does. It serves the same routes with the same code,
 * more slowly.
 */
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { StartError } from "../../errors.ts";
import type { Answer } from "./exchange.ts";
import type { Front } from "./front.ts";
import type { ExchangeHost, HttpExchange } from "./http-exchange.ts";
import { answerOfClientError, lingering } from "./node-connection.ts";
import { NodeResponse } from "./node-response.ts";
import type { RequestHead } from "./request-head.ts";
import {
  BAD_HOST,
  BAD_TRANSFER,
  HEADERS_TOO_LARGE,
  isLastRequest,
  MAX_HEADER_BYTES,
  readHead,
} from "./request-head.ts";

/**
 * Load balancers keep connections for 60 s (nginx, ALB). A server must keep them longer, so that the side that sends
 * requests closes first.
 */
const KEEP_ALIVE_MS = 75_000;
/**
 * The limit without traffic: longer than any wait for a job, and than the time between two comments in an event stream.
 */
const SILENT_MS = 120_000;
const REQUEST_MS = 300_000;
/** The limit of uWebSockets.js. */
const MAX_HEADERS = 100;

export interface NodeListenerOptions {
  /** How long the head of a request may take to arrive. */
  readonly headMs?: number;
}

export class NodeListener {
  readonly #front: Front;
  readonly #server: Server;
  /** Connections whose last request has begun: further requests on them are ignored. */
  readonly #ending = new WeakSet<Socket>();
  /** Those whose last request has arrived completely: it is answered, even if invalid HTTP follows. */
  readonly #complete = new WeakSet<Socket>();

  constructor(front: Front, { headMs = KEEP_ALIVE_MS + 5_000 }: NodeListenerOptions = {}) {
    this.#front = front;
    this.#server = createServer({
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: headMs,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: 2_000,
      maxHeaderSize: MAX_HEADER_BYTES,
      insecureHTTPParser: false,
      requireHostHeader: false,
    });
    this.#server.maxHeadersCount = 0; // with a limit, Node drops further headers silently
    this.#server.timeout = SILENT_MS;
    this.#server.on("connection", lingering);
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
      const isAnswered =
        error.code?.startsWith("HPE_") === true && socket instanceof Socket && this.#complete.has(socket);
      if (!isAnswered) answerOfClientError(error, socket);
    });
    // without this listener Node closes the connection and sends no answer
    this.#server.on("connect", (_request, socket: Duplex) => {
      answerOfClientError(Object.assign(new Error("CONNECT"), { code: "HPE_INVALID_METHOD" }), socket);
    });
    const accept = (request: IncomingMessage, response: ServerResponse): void => this.#accept(request, response);
    this.#server.on("request", accept).on("checkExpectation", accept);
  }

  /**
   * @param host a name or address; "" for every interface @param port 0 for a free one
   * @returns the port
   * @throws StartError if it cannot listen on the port
   */
  async listen(host: string, port: number): Promise<number> {
    this.#server.listen({ port, exclusive: true, ...(host !== "" && { host }) });
    try {
      await once(this.#server, "listening");
    } catch (error) {
      const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
      throw new StartError(
        `PROXY_ADDR: cannot listen on ${address}: another program has that port, or the address is not this machine's.`,
        error,
      );
    }
    return (this.#server.address() as AddressInfo).port;
  }

  /** Accepts no more connections. */
  stop(): void {
    this.#server.close();
  }

  cut(): void {
    this.#server.closeAllConnections();
  }

  #accept(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    if (this.#ending.has(socket)) return;
    // Every request here comes through a proxy, whether or not the proxy adds a header.
    const read = readHead((visit) => forEachHeader(request, visit), this.#front.userHeader);
    const head = { ...read, isForwarded: true };
    const { path, query, authority } = targetOf(request.url ?? "");
    const headers = authority === undefined ? head : { ...head, host: authority };
    const rejection = rejectionOf(request, headers);
    const isLast = rejection !== undefined || isLastRequest(headers, request.method ?? "") || !isKept(request, headers);
    if (isLast) this.#ending.add(socket);
    const answering = new NodeResponse(response);
    // Node adds Keep-Alive.
    const host = { ...this.#front.host, keepAlive: "", sendLast: this.#endingWith(socket, answering) };
    const method = request.method ?? "";
    const match = this.#front.router.find(method, path);
    const isHead = match.route.operation.method === "GET" && method === "HEAD";
    const exchange = this.#front.open({ ...match, query, isHead, headers }, answering, rejection, host);
    const complete = (): void => {
      if (isLast) this.#complete.add(socket);
    };
    if (exchange) readBody(request, exchange, { contentLength: headers.contentLength, complete });
    else {
      complete();
      request.resume();
    }
  }

  /** Sends the last answer of a connection, which may not have been known as the last one when its request came. */
  #endingWith(socket: Socket, response: NodeResponse): ExchangeHost["sendLast"] {
    return (_response, body) => {
      this.#ending.add(socket);
      response.end(body, true);
      return () => undefined;
    };
  }
}

function forEachHeader({ rawHeaders }: IncomingMessage, visit: (name: string, value: string) => void): void {
  for (let i = 0; i < rawHeaders.length; i += 2) visit((rawHeaders[i] ?? "").toLowerCase(), rawHeaders[i + 1] ?? "");
}

/**
 * Splits a request target: a path, or a complete URL as clients of a proxy write it.
 * @returns its parts; an authority replaces Host (RFC 9112, 3.2.2)
 */
export function targetOf(target: string): {
  readonly path: string;
  readonly query: string;
  readonly authority?: string;
} {
  const [, authority, rest = target] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target) ?? [];
  const at = rest.indexOf("?");
  const path = at === -1 ? rest : rest.slice(0, at);
  return {
    path: path === "" ? "/" : path,
    query: at === -1 ? "" : rest.slice(at + 1),
    ...(authority !== undefined && { authority }),
  };
}

function rejectionOf(
  { httpVersion, rawHeaders }: IncomingMessage,
  { transferEncoding, hostCount }: RequestHead,
): Answer | undefined {
  if (rawHeaders.length > 2 * MAX_HEADERS) return HEADERS_TOO_LARGE;
  // HTTP/1.0 has no chunks (RFC 9112, 6.1).
  if (httpVersion === "1.0") return transferEncoding === "" ? undefined : BAD_TRANSFER;
  return hostCount === 0 ? BAD_HOST : undefined;
}

/** HTTP/1.0 keeps a connection only if the client asks for it. */
function isKept({ httpVersion }: IncomingMessage, { connection }: RequestHead): boolean {
  return httpVersion !== "1.0" || /(?:^|[\s,])keep-alive(?:$|[\s,])/i.test(connection);
}

interface BodyOptions {
  /** "" for a body in chunks. */
  readonly contentLength: string;
  /** Called when the body has arrived completely. */
  readonly complete: () => void;
}

function readBody(request: IncomingMessage, exchange: HttpExchange, { contentLength, complete }: BodyOptions): void {
  let received = 0;
  let isWhole = false;
  request.on("data", (chunk: Buffer) => {
    received += chunk.length;
    isWhole = contentLength !== "" && received >= Number(contentLength);
    if (isWhole) complete();
    const bytes = chunk.buffer.slice(chunk.byteOffset, chunk.byteOffset + chunk.length) as ArrayBuffer;
    exchange.receive(bytes, { isLast: isWhole });
  });
  request.on("end", () => {
    if (isWhole) return;
    complete();
    exchange.receive(new ArrayBuffer(0), { isLast: true });
  });
}
