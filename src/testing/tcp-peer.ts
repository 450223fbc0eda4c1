/** A server that answers each request with given bytes, such as no HTTP server would send. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** Texts have one character for each byte. A number is a pause in ms. */
export type Script = readonly (string | Buffer | number)[];

/** The state of the connection after the last byte: it ends, is reset, or stays open. */
export type ScriptEnd = "end" | "reset" | "stay";

export class TcpPeer {
  /** How many requests came. */
  requests = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #script: Script = [];
  #end: ScriptEnd = "end";

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined); // the client may reset the connection
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("data", () => {
        this.#answer(socket).catch(() => undefined); // the client disconnected
      });
    });
  }

  /** Starts a peer on a free port of 127.0.0.1. */
  static async start(): Promise<TcpPeer> {
    const peer = new TcpPeer();
    await once(peer.#server.listen(0, "127.0.0.1"), "listening");
    return peer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Sets the answer to every packet, so requests should be small. */
  answer(script: Script | string, end: ScriptEnd = "end"): void {
    this.#script = typeof script === "string" ? [script] : script;
    this.#end = end;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(socket: Socket): Promise<void> {
    this.requests += 1;
    for (const part of this.#script) {
      if (typeof part === "number") await delay(part);
      else if (!socket.destroyed)
        await new Promise((resolve) =>
          socket.write(typeof part === "string" ? Buffer.from(part, "latin1") : part, resolve),
        );
    }
    if (this.#end === "end") socket.end();
    if (this.#end === "reset") socket.resetAndDestroy();
  }
}
