/**
 * One request and its answer, independent of the server library. A handler answers exactly once, at once or later; its
 * answer is dropped if the client has disconnected meanwhile.
 */
import type { Readable } from "node:stream";
import type { Caller } from "../../core/api-key.ts";
import type { Submission } from "../../core/job.ts";

/** The headers that calls read; "" or undefined if the request has none. */
export interface RequestHeaders {
  readonly contentType: string;
  readonly idempotencyKey: string | undefined;
  /** Preferences (RFC 7240). */
  readonly prefer: string;
  readonly lastEventId: string;
  readonly range: string;
  readonly ifRange: string;
  readonly ifMatch: string;
  readonly ifNoneMatch: string;
  readonly accept: string;
  readonly acceptEncoding: string;
}

export interface ApiRequest {
  /** The `X-Request-Id` of the request, or a generated one. */
  readonly id: string;
  /** The valid API key of the request, or its user behind an auth proxy; undefined if neither is needed. */
  readonly caller: Caller | undefined;
  readonly headers: RequestHeaders;
  /** The path parameters in the order of the pattern, still percent-encoded. */
  readonly params: readonly string[];
  /** The query string after the `?`, still encoded. */
  readonly query: string;
  /** A GET call was made with HEAD: the body of the answer is not sent. */
  readonly isHead: boolean;
  /** Valid until the handler returns; {@link takeBody} keeps it longer. */
  readonly body: Uint8Array;
  /** Returns the body in separate memory, which may be kept, or moved to a thread. */
  takeBody(): Uint8Array;
  /** The part of the client's address that identifies it. Only to be called before the handler returns. */
  peer(): string;
  /** Charges jobs that this request enqueued to the quotas of its key; the answer then reports what is left. */
  chargeJobs(submissions: readonly Pick<Submission, "payload">[]): void;
}

export interface ByteStream {
  readonly bytes: number;
  /** Called when the answer is sent; not for HEAD. */
  readonly open: () => Readable;
}

export interface Answer {
  readonly status: number;
  readonly contentType?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array | ByteStream;
  /** The code of a problem document. */
  readonly code?: string;
  /** The connection ends with this answer. */
  readonly isLast?: boolean;
}

/** The headers of a streamed answer. */
export interface StreamHead {
  readonly contentType: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** A streamed text body. Text that is written after its end is dropped. */
export interface TextStream {
  readonly isOver: boolean;
  /** The client reads more slowly than the stream is written: further text is buffered. */
  readonly isFull: boolean;
  /** Disconnects the client if it leaves too much unread. */
  write(text: string): void;
  /** @param listener called each time the client has read the buffered text */
  onWritable(listener: () => void): void;
  end(): void;
  /** Disconnects the client. */
  cut(): void;
}

export interface Reply {
  send(answer: Answer): void;
  /**
   * Answers 200 with a stream, whose head is sent with its first text. The stream is over from the beginning if the
   * client has disconnected, or for HEAD.
   * @param onOver called once if it ends other than by {@link TextStream.end}: the client disconnected, or was
   * disconnected
   */
  stream(head: StreamHead, onOver: () => void): TextStream;
  /**
   * @param listener called if the client disconnects before the answer, at once if it already has; replaces an earlier
   * listener
   */
  onGone(listener: () => void): void;
}

/** An error that it throws is answered with 500; after it has returned, it must catch its own errors. */
export type Handler = (request: ApiRequest, reply: Reply) => void;

export const JSON_TYPE = "application/json";

/** @param body JSON */
export function json(status: number, body: string): Answer {
  return { status, contentType: JSON_TYPE, body };
}
