/** A stream of known length as the body of an answer, no faster than the client takes it. */
import type { ByteStream } from "./exchange.ts";

/** What is used of uWebSockets.js's HttpResponse. */
export interface StreamResponse {
  cork(write: () => void): unknown;
  end(): unknown;
  close(): unknown;
  tryEnd(chunk: Uint8Array, totalBytes: number): [isTaken: boolean, isDone: boolean];
  getWriteOffset(): number;
  onWritable(resume: (offset: number) => boolean): unknown;
}

/** Sends bytes after the status and headers that were written. The answer ends when the client has taken all of them, and not before. */
export function sendWhole(response: StreamResponse, bytes: Uint8Array): void {
  if (bytes.length === 0) {
    response.end();
    return;
  }
  const [, isDone] = response.tryEnd(bytes, bytes.length);
  if (isDone) return;
  response.onWritable((offset) => {
    const [isTaken, isOver] = response.tryEnd(bytes.subarray(offset), bytes.length);
    return isTaken || isOver;
  });
}

/**
 * Sends the stream after the status and headers that were written. A stream that fails closes the connection, so that the
 * client sees that the body is not whole.
 * @returns stops reading, once the client has gone
 */
export function sendStream(
  response: StreamResponse,
  { bytes, open }: ByteStream,
  onIssue: (error: unknown) => void,
): () => void {
  if (bytes === 0) {
    response.end();
    return () => undefined;
  }
  const source = open();
  let isOver = false;
  let read = 0;
  let pending: Buffer = Buffer.alloc(0);
  let pendingAt = 0;

  const tryToSend = (chunk: Uint8Array): boolean => {
    const [isTaken, isDone] = response.tryEnd(chunk, bytes);
    if (isDone) {
      isOver = true;
      source.destroy();
    }
    return isTaken || isDone;
  };
  response.onWritable((offset) => {
    if (isOver) return true;
    const isTaken = tryToSend(pending.subarray(offset - pendingAt));
    if (isTaken) source.resume();
    return isTaken;
  });
  source.on("data", (chunk: Buffer) => {
    if (isOver) return;
    read += chunk.length;
    response.cork(() => {
      pending = chunk;
      pendingAt = response.getWriteOffset();
      if (!tryToSend(chunk)) source.pause();
    });
  });
  const stop = (): void => {
    isOver = true;
    source.destroy();
  };
  const fail = (error: unknown): void => {
    if (isOver) return;
    onIssue(error);
    stop();
    response.close();
  };
  source.on("error", fail);
  source.on("end", () => {
    if (read < bytes) fail(new Error("a stream ended before its length")); // else its last part may still wait for the client
  });
  return stop;
}
