/** Sends a body of known length no faster than the client reads it. */
import type { ByteStream } from "./exchange.ts";

/** The part of uWebSockets.js's HttpResponse that is used here. */
export interface StreamResponse {
  cork(write: () => void): unknown;
  end(): unknown;
  close(): unknown;
  tryEnd(chunk: Uint8Array, totalBytes: number): [isTaken: boolean, isDone: boolean];
  getWriteOffset(): number;
  onWritable(resume: (offset: number) => boolean): unknown;
}

/** Sends bytes, after the status and headers. The answer ends only when the client has received all of them. */
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
 * Sends a stream, after the status and headers. If the stream fails, the connection is closed, so that the client sees
 * that the body is incomplete.
 * @returns stops reading; to be called when the client has disconnected
 */
export function sendStream(
  response: StreamResponse,
  { bytes, open }: ByteStream,
  onError: (error: unknown) => void,
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
    onError(error);
    stop();
    response.close();
  };
  source.on("error", fail);
  source.on("end", () => {
    // Otherwise its last part may still be waiting for the client.
    if (read < bytes) fail(new Error("a stream ended before its length"));
  });
  return stop;
}
