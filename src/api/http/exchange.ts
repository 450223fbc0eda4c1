/**
 * One request and its answer, in words that know no server library. A handler answers exactly once, now or later; what it
 * answers after the client has gone is dropped.
 */
import type { Readable } from "node:stream";
import type { ApiKey } from "../../core/api-key.ts";
import type { Submission } from "../../core/job.ts";

/** The headers that some call reads; "" or undefined where the request has none. */
export interface RequestHeaders {
  readonly contentType: string;
  readonly idempotencyKey: string | undefined;
  /** Preferences (RFC 7240). */
  readonly prefer: string;
  readonly lastEventId: string;
  readonly range: string;
  readonly ifRange: string;
  readonly ifNoneMatch: string;
  readonly accept: string;
  readonly acceptEncoding: string;
}

export interface ApiRequest {
  /** The caller's own `X-Request-Id`, or one that was made here. */
  readonly id: string;
  /** The key that it came with, where keys are needed and one holds. */
  readonly caller: ApiKey | undefined;
  readonly headers: RequestHeaders;
  /** The parts of the path that the pattern leaves open, still percent-encoded. */
  readonly params: readonly string[];
  /** What follows the `?`, still encoded. */
  readonly query: string;
  /** Of a call by GET: it was made by HEAD, so the body of the answer is not sent. */
  readonly isHead: boolean;
  /** Valid until the handler returns: what is needed later must be taken. */
  readonly body: Uint8Array;
  /** The body, to keep or to move to a thread. */
  takeBody(): Uint8Array;
  /** The address that it came from, as far as it tells one caller from another. Valid until the handler returns. */
  peer(): string;
  /** These jobs were enqueued by it, for the first time: its key's quotas are charged, and the answer tells what is left. */
  chargeJobs(submissions: readonly Pick<Submission, "payload">[]): void;
}

export interface ByteStream {
  readonly bytes: number;
  /** Called when the answer is sent, and not at all for HEAD. */
  readonly open: () => Readable;
}

export interface Answer {
  readonly status: number;
  readonly contentType?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array | ByteStream;
  /** Of a problem document. */
  readonly code?: string;
  /** The connection ends with this answer. */
  readonly isLast?: boolean;
}

/** What a body that is sent as it comes begins with. */
export interface StreamHead {
  readonly contentType: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** A body of text that is sent as it comes. What is written once it is over is dropped. */
export interface TextStream {
  readonly isOver: boolean;
  /** The client takes no more at the moment: what is written waits for it. */
  readonly isFull: boolean;
  /** A client that leaves too much of it unread is cut off. */
  write(text: string): void;
  /** @param listener called each time the client takes more again */
  onWritable(listener: () => void): void;
  end(): void;
  /** Cuts the client off. */
  cut(): void;
}

export interface Reply {
  send(answer: Answer): void;
  /**
   * Answers 200 with a stream, which is over already where the client has gone, or asked for the head alone. Its head is sent with its first text.
   * @param onOver called once when it ends by other means than {@link TextStream.end}: the client has gone, or was cut off
   */
  stream(head: StreamHead, onOver: () => void): TextStream;
  /** @param listener called when the client goes, or has gone, before it is answered; the last one given counts */
  onGone(listener: () => void): void;
}

/** It may throw, which answers 500; after it has returned it must not. */
export type Handler = (request: ApiRequest, reply: Reply) => void;

export const JSON_TYPE = "application/json";

/** @param body a JSON text */
export function json(status: number, body: string): Answer {
  return { status, contentType: JSON_TYPE, body };
}
