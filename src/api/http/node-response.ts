/** Adapts a response of Node's HTTP server to the methods, and the order of calls, of uWebSockets.js. */
import type { ServerResponse } from "node:http";
import { isIPv6 } from "node:net";
import type { FrontResponse } from "./front.ts";

export class NodeResponse implements FrontResponse {
  readonly #response: ServerResponse;
  #written = 0;
  #onWritable: ((offset: number) => boolean) | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.on("drain", () => this.#onWritable?.(this.#written));
  }

  onAborted(listener: () => void): void {
    this.#response.once("close", () => {
      if (!this.#response.writableFinished) listener();
    });
  }

  cork(write: () => void): void {
    write();
  }

  /** @param lines the status and all headers, as response-head.ts writes them */
  writeStatus(lines: string): void {
    const [status = "", ...headers] = lines.split("\r\n");
    this.#response.statusCode = Number(status.slice(0, 3));
    for (const header of headers) {
      const at = header.indexOf(": ");
      this.#response.appendHeader(header.slice(0, at), header.slice(at + 2));
    }
  }

  writeHeader(name: string, value: string): void {
    this.#response.setHeader(name, value);
  }

  /** @returns whether the client can receive more; the rest is buffered */
  write(chunk: string): boolean {
    return this.#response.write(chunk);
  }

  end(body: string | Uint8Array = "", closesConnection = false): void {
    this.endWithoutBody(Buffer.byteLength(body), closesConnection, body);
  }

  endWithoutBody(length?: number, closesConnection = false, body: string | Uint8Array = ""): void {
    const response = this.#response;
    if (closesConnection) response.setHeader("Connection", "close");
    const hasLength =
      length !== undefined && !response.headersSent && response.statusCode !== 204 && response.statusCode !== 304;
    if (hasLength) response.setHeader("Content-Length", length);
    response.end(body);
  }

  /**
   * Unlike in uWebSockets.js, all bytes count as written: Node buffers the rest, and the next part waits until it is
   * sent.
   */
  tryEnd(chunk: Uint8Array, totalBytes: number): [isTaken: boolean, isDone: boolean] {
    const response = this.#response;
    if (!response.headersSent) response.setHeader("Content-Length", totalBytes);
    this.#written += chunk.length;
    if (this.#written >= totalBytes) {
      response.end(chunk);
      return [true, true];
    }
    return [chunk.length === 0 ? !response.writableNeedDrain : response.write(chunk), false];
  }

  getWriteOffset(): number {
    return this.#written;
  }

  onWritable(resume: (offset: number) => boolean): void {
    this.#onWritable = resume;
  }

  getRemoteAddress(): ArrayBuffer {
    return bytesOfAddress(this.#response.req.socket.remoteAddress);
  }

  pause(): void {
    this.#response.req.pause();
  }

  close(): void {
    this.#response.destroy();
  }
}

/** @param address undefined if the client has disconnected */
export function bytesOfAddress(address: string | undefined): ArrayBuffer {
  if (address === undefined) return new ArrayBuffer(0);
  if (!isIPv6(address)) return Uint8Array.from(address.split("."), Number).buffer;
  const hexed = address.replace(/%.*$/, "").replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [before = [], after] = hexed.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const groups =
    after === undefined ? before : [...before, ...Array<string>(8 - before.length - after.length).fill("0"), ...after];
  return Uint8Array.from(groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]))
    .buffer;
}
