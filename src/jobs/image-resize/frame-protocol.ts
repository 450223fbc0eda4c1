/**
 * The protocol between a thread and its image process: frames of `[length of the head, 4 bytes][head, JSON][parts]`.
 * The head contains the length of each part, so parts are sent as raw bytes.
 */
import type { Socket } from "node:net";

export interface MessageFrame<Head> {
  readonly head: Head;
  readonly parts: readonly Buffer[];
}

const LENGTH_BYTES = 4;

/**
 * Resolves when the socket has sent the whole frame, so that the next frame is produced only then.
 * @throws {Error} the other side has closed the connection
 */
export async function sendFrame<Head>(socket: Socket, { head, parts }: MessageFrame<Head>): Promise<void> {
  const text = Buffer.from(JSON.stringify({ head, lengths: parts.map(({ length }) => length) }));
  const start = Buffer.alloc(LENGTH_BYTES);
  start.writeUInt32BE(text.length);
  const writes = [start, text, ...parts].map(
    (piece) =>
      new Promise<void>((resolve, reject) => {
        socket.write(piece, (error) => (error ? reject(error) : resolve()));
      }),
  );
  await Promise.all(writes);
}

/**
 * Ends when the other side closes the connection, even in the middle of a frame. @throws {Error} the connection breaks
 */
export async function* framesOf<Head>(socket: Socket): AsyncGenerator<MessageFrame<Head>, void> {
  const take = takerOf(socket);
  for (;;) {
    const length = await take(LENGTH_BYTES);
    const text = length && (await take(length.readUInt32BE()));
    if (text === undefined) return;
    const { head, lengths } = JSON.parse(text.toString()) as { head: Head; lengths: number[] };
    const parts = [];
    for (const each of lengths) {
      const part = await take(each);
      if (part === undefined) return;
      parts.push(part);
    }
    yield { head, parts };
  }
}

/** Returns a function that reads the given number of bytes from the socket; undefined if the connection ends before. */
function takerOf(socket: Socket): (length: number) => Promise<Buffer | undefined> {
  const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let chunk: Buffer = Buffer.alloc(0);
  return async (length) => {
    const taken = Buffer.allocUnsafeSlow(length);
    for (let filled = 0; filled < length; ) {
      if (chunk.length === 0) {
        const next = await chunks.next();
        if (next.done === true) return undefined;
        chunk = next.value;
      }
      const copied = chunk.copy(taken, filled);
      chunk = chunk.subarray(copied);
      filled += copied;
    }
    return taken;
  };
}
