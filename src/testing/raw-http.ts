/** HTTP as bytes on a socket, for requests that no HTTP client sends. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";

export interface RawSocket {
  readonly socket: Socket;
  /** The bytes so far, as Latin-1. */
  readonly received: () => string;
  /** Resolves to the bytes so far once they match; rejects if the connection ends without a match. */
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
  socket.on("error", () => undefined); // a reset counts as an end
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

/** Sends text, resolves to the status and text of the first answer, and drops the connection. */
export async function rawAnswer(
  port: number,
  text: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const raw = await rawSocket(port, text);
  const answer = await raw.until(/^HTTP\/1\.1 \d{3} [^]*\r\n\r\n/);
  raw.socket.destroy();
  return { status: Number(answer.slice(9, 12)), text: answer };
}
