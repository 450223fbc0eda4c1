/** HTTP as bytes on a socket: for what no client would send. */

import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";

export interface RawSocket {
  readonly socket: Socket;
  /** What has come so far. */
  readonly received: () => string;
  /** Resolves to what has come once it matches; rejects when the connection ends without. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves when the server has closed the connection. */
  closed(): Promise<string>;
}

export async function rawSocket(port: number, first = ""): Promise<RawSocket> {
  const socket = connect(port, "127.0.0.1");
  let received = "";
  const listeners = new Set<() => void>();
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString("latin1");
    for (const listener of listeners) listener();
  });
  socket.on("error", () => undefined); // a reset is an end like any other here
  await once(socket, "connect");
  socket.write(first);
  const settled = (isDone: () => boolean, what: string) =>
    new Promise<string>((resolve, reject) => {
      const look = (): void => {
        if (!isDone()) return;
        listeners.delete(look);
        resolve(received);
      };
      listeners.add(look);
      socket.once("close", () =>
        isDone() ? resolve(received) : reject(new Error(`closed before ${what}: ${received.slice(0, 500)}`)),
      );
      look();
    });
  return {
    socket,
    received: () => received,
    until: (pattern) => settled(() => pattern.test(received), String(pattern)),
    closed: () => settled(() => socket.closed, "the end"),
  };
}

/** Sends what is given and resolves to the first answer's status and text; the connection is dropped then. */
export async function rawAnswer(
  port: number,
  text: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const raw = await rawSocket(port, text);
  const answer = await raw.until(/^HTTP\/1\.1 \d{3} [^]*\r\n\r\n/);
  raw.socket.destroy();
  return { status: Number(answer.slice(9, 12)), text: answer };
}
