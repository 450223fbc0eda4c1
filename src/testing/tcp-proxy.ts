/**
 * A TCP proxy in front of a real server that injects network faults.
 *
 *   pass        bytes go through
 *   black-hole  connections stay open and nothing goes through; bytes sent meanwhile arrive after the mode ends
 *   delay       each chunk is delayed, in both directions
 *   reset       each connection is reset, new ones immediately
 *
 * In addition, `dropNextReply` cuts one connection between a request and its answer: the server has executed the
 * request, and the client cannot know.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { drained } from "./drained.ts";

export type ProxyMode =
  | { readonly kind: "pass" }
  | { readonly kind: "black-hole" }
  | { readonly kind: "delay"; readonly delayMs: number }
  | { readonly kind: "reset" };

interface Trap {
  readonly matches: (request: Buffer) => boolean;
  readonly sprung: () => void;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Set after the request whose answer will be dropped has passed. */
  trap: Trap | undefined;
}

export class TcpProxy {
  readonly #listener: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #links = new Set<Link>();
  readonly #pumps = new Set<Promise<void>>();
  #mode: ProxyMode = { kind: "pass" };
  /** Callbacks for the next change of mode. */
  #waiting: (() => void)[] = [];
  #trap: Trap | undefined;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#listener = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  /** Starts a proxy on a free port of 127.0.0.1 in front of a server, by default on 127.0.0.1. */
  static async start(targetPort: number, targetHost = "127.0.0.1"): Promise<TcpProxy> {
    const proxy = new TcpProxy({ host: targetHost, port: targetPort });
    proxy.#listener.listen(0, "127.0.0.1");
    await once(proxy.#listener, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** The number of open connections. */
  get connections(): number {
    return this.#links.size;
  }

  /** Replaces host and port of an address (`redis://…`, `postgres://…`) with those of this proxy. */
  before(address: string): string {
    const url = new URL(address);
    url.host = `127.0.0.1:${this.port}`;
    return url.href;
  }

  setMode(mode: ProxyMode): void {
    this.#mode = mode;
    for (const goOn of this.#waiting.splice(0)) goOn();
    if (mode.kind === "reset") for (const link of this.#links) this.#reset(link);
  }

  /**
   * Forwards the next request whose bytes match, discards the answer, and closes that connection. Resolves when it has
   * closed the connection.
   */
  dropNextReply(matches: (request: Buffer) => boolean = () => true): Promise<void> {
    return new Promise((resolve) => {
      this.#trap = { matches, sprung: resolve };
    });
  }

  async close(): Promise<void> {
    this.setMode({ kind: "reset" });
    this.#listener.close();
    await Promise.all(this.#pumps);
  }

  #accept(client: Socket): void {
    const server = connect({ ...this.#target, allowHalfOpen: true });
    const link: Link = { client, server, trap: undefined };
    // An error also ends the reading of that side, and #forward passes it on as an end.
    for (const socket of [client, server]) socket.on("error", () => undefined);
    if (this.#mode.kind === "reset") {
      this.#reset(link);
      return;
    }
    this.#links.add(link);
    const pumps = [
      this.#forward(client, server, (bytes) => this.#setTrap(link, bytes)),
      this.#forward(server, client, () => this.#springTrap(link)),
    ];
    const pump = Promise.all(pumps).then(() => {
      this.#links.delete(link);
      this.#pumps.delete(pump);
    });
    this.#pumps.add(pump);
  }

  #setTrap(link: Link, request: Buffer): boolean {
    if (this.#trap?.matches(request)) {
      link.trap = this.#trap;
      this.#trap = undefined;
    }
    return true;
  }

  /** Whether to forward an answer. The server's side ends gracefully, so the server still executes the request. */
  #springTrap({ client, server, trap }: Link): boolean {
    if (!trap) return true;
    client.destroy();
    server.end();
    trap.sprung();
    return false;
  }

  async #forward(from: Socket, to: Socket, admits: (bytes: Buffer) => boolean): Promise<void> {
    try {
      for await (const bytes of from as AsyncIterable<Buffer>) {
        await this.#gate();
        if (admits(bytes) && to.writable && !to.write(bytes)) await drained(to);
      }
    } catch {
      // this side was cut, so the other side gets an end
    }
    await this.#gate();
    to.end();
  }

  async #gate(): Promise<void> {
    while (this.#mode.kind === "black-hole") await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#mode.kind === "delay") await delay(this.#mode.delayMs);
  }

  #reset({ client, server }: Link): void {
    client.resetAndDestroy();
    server.destroy();
  }
}
