/** An HTTP server that counts and stores its requests, and answers as a test requires. */
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { drained } from "./drained.ts";

export interface PeerRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export type PeerReply =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Record<string, string | string[]>;
      readonly body?: string | Buffer;
    }
  /** 200, then one byte each `everyMs`, endlessly. */
  | { readonly kind: "drip"; readonly everyMs: number }
  /** 200, then bytes as fast as the reader accepts them, endlessly. */
  | { readonly kind: "endless" }
  /** Reads the request and never answers. */
  | { readonly kind: "hang" }
  /** Reads the request and closes the connection. */
  | { readonly kind: "drop" };

/** How to answer the request with this number, counted from 0. */
export type Responder = (request: PeerRequest, number: number) => PeerReply | Promise<PeerReply>;

const CHUNK = Buffer.alloc(65_536, "x");

export class HttpPeer {
  /** The requests, in order. */
  readonly requests: PeerRequest[] = [];
  readonly #server: Server;
  readonly #served = new Map<string, PeerReply>();
  readonly #exchanges = new Set<Promise<void>>();
  #responder: Responder = () => answer(200);
  #bytesSent = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      const exchange = this.#exchange(request, response).finally(() => this.#exchanges.delete(exchange));
      this.#exchanges.add(exchange);
    });
  }

  /** Starts a peer on a free port of 127.0.0.1, which answers 200 to everything. */
  static async start(port = 0): Promise<HttpPeer> {
    const peer = new HttpPeer();
    peer.#server.listen(port, "127.0.0.1");
    await once(peer.#server, "listening");
    return peer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Bytes of endless bodies sent so far. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** `http://127.0.0.1:PORT/path` */
  url(path = "/"): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /**
   * Sets the answers: a function, or statuses in turn of which the last repeats (`[500, 500, 200]`). Numbers count from
   * here.
   */
  respond(how: Responder | readonly number[]): void {
    const offset = this.requests.length;
    const responder: Responder =
      typeof how === "function" ? how : (_request, number) => answer(how[Math.min(number, how.length - 1)] ?? 200);
    this.#responder = (request, number) => responder(request, number - offset);
  }

  /** Serves these bytes at a path, regardless of `respond`. */
  serve(path: string, body: Buffer | string, contentType = "application/octet-stream"): string {
    this.#served.set(path, answer(200, { "content-type": contentType }, body));
    return this.url(path);
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await Promise.all(this.#exchanges);
  }

  async #exchange(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const request = {
        method: incoming.method ?? "",
        path: incoming.url ?? "",
        headers: incoming.headers,
        body: await buffer(incoming),
      };
      const number = this.requests.push(request) - 1;
      await this.#send(this.#served.get(request.path) ?? (await this.#responder(request, number)), response);
    } catch {
      response.destroy(); // the client disconnected, or this peer is closed
    }
  }

  async #send(reply: PeerReply, response: ServerResponse): Promise<void> {
    switch (reply.kind) {
      case "answer":
        response.writeHead(reply.status, reply.headers).end(reply.body);
        return;
      case "drip":
        for (response.writeHead(200); !response.destroyed; ) {
          response.write(".");
          await delay(reply.everyMs);
        }
        return;
      case "endless":
        for (response.writeHead(200); !response.destroyed; this.#bytesSent += CHUNK.length) {
          if (!response.write(CHUNK)) await drained(response);
        }
        return;
      case "hang":
        return;
      case "drop":
        response.destroy();
        return;
      default:
        reply satisfies never;
    }
  }
}

/** A plain answer. */
export function answer(
  status: number,
  headers: Record<string, string | string[]> = {},
  body: string | Buffer = "",
): PeerReply {
  return { kind: "answer", status, headers, body };
}

/** "Come back later": `value` is seconds, or an HTTP date. */
export function retryAfter(value: string, status = 429): PeerReply {
  return answer(status, { "retry-after": value });
}

export function redirect(location: string, status = 302): PeerReply {
  return answer(status, { location });
}
