/**
 * One request over HTTP, from its head to its answer:
 *
 *   reading ──last byte──▶ handled ──send──▶ over
 *      └──── rejected, or the client has gone ──▲
 *
 * Once it is over, the response must not be used again: for some uses, uWebSockets.js ends the process. So every method
 * checks this first.
 */
import { performance } from "node:perf_hooks"; // the global is looked up at each use
import type { Caller } from "../../core/api-key.ts";
import type { Submission } from "../../core/job.ts";
import { bytesOf } from "../../core/payload.ts";
import type { Limited, RateLimits } from "../access/rate-limits.ts";
import type { HttpResponse } from "./answer-writer.ts";
import { writeAnswer } from "./answer-writer.ts";
import { BodyParts } from "./body-parts.ts";
import type { BufferedBytes } from "./buffered-bytes.ts";
import { gzipAnswer, isWorthGzip } from "./compression.ts";
import type { Answer, ApiRequest, Handler, Reply, StreamHead, TextStream } from "./exchange.ts";
import type { SendLast } from "./last-answer.ts";
import type { Outgoing } from "./outgoing.ts";
import { peerName } from "./peer.ts";
import { INTERNAL_ERROR, problem } from "./problem.ts";
import type { RequestHead } from "./request-head.ts";
import { bodyTooLarge, isLastRequest, MAX_DISCARDED_BYTES } from "./request-head.ts";
import type { RequestFacts } from "./response-head.ts";
import { writeHead } from "./response-head.ts";
import { ResponseStream } from "./text-stream.ts";

/** What all exchanges of a server share. */
export interface ExchangeHost {
  readonly onError: (error: unknown, requestId: string) => void;
  readonly onEnd: (method: string, pattern: string, status: number, seconds: number) => void;
  /** Counts the bodies of all exchanges that arrived in parts and are not answered yet. */
  readonly buffered: BufferedBytes;
  readonly limits: RateLimits;
  readonly outgoing: Outgoing;
  readonly sendLast: SendLast;
  /** The Keep-Alive header, as a line of the head; "" if the listener adds it. */
  readonly keepAlive: string;
  /** The CORS headers of an answer to this origin; "" for a request without one. */
  readonly corsHeaders: (origin: string) => NonNullable<Answer["headers"]>;
  /** Called when a request is denied, or exceeds a limit of its key. */
  readonly onRejected: (exchange: HttpExchange, answer: Answer) => void;
}

export interface ExchangeRoute {
  readonly operation: { readonly method: string; readonly pattern: string };
  readonly handle: Handler;
  readonly maxBodyBytes: number;
  readonly takesJobs: boolean;
}

/** A request whose head has been read. */
export interface ExchangeRequest extends Omit<ApiRequest, "body" | "takeBody" | "peer" | "chargeJobs" | "headers"> {
  readonly headers: RequestHead;
}

const OVERLOADED = problem(503, "overloaded", "The server is busy with too many large requests.", { isLast: true });
/** The status in the metrics if the client disconnects before the answer, as in nginx. */
const CLIENT_GONE = 499;

/** These answers are logged: the caller may not make the request, or not now. */
const REJECTS_CALLER: ReadonlySet<number> = new Set([401, 403, 429]);

const EMPTY = new Uint8Array(0);
/** The stream of an answer to HEAD, or to a client that has gone. */
const NO_STREAM: TextStream = {
  isOver: true,
  isFull: false,
  write: () => undefined,
  onWritable: () => undefined,
  end: () => undefined,
  cut: () => undefined,
};
const NO_HEADERS: NonNullable<Answer["headers"]> = [];

export class HttpExchange implements ApiRequest, Reply {
  readonly id: string;
  readonly caller: Caller | undefined;
  readonly headers: RequestHead;
  readonly params: readonly string[];
  readonly query: string;
  readonly isHead: boolean;
  body: Uint8Array = EMPTY;
  readonly #response: HttpResponse;
  readonly #route: ExchangeRoute;
  readonly #host: ExchangeHost;
  readonly #startedAt = performance.now();
  /** Undefined for a body that arrives in one chunk. */
  #parts: BodyParts | undefined;
  #receivedBytes = 0;
  /** Undefined if the key has no limits, or there is no key. */
  #limited: Limited | undefined;
  #limitHeaders: NonNullable<Answer["headers"]> = NO_HEADERS;
  #isCompressing = false;
  #isOver = false;
  #isGone = false;
  /** Called when the client disconnects: the handler's listener, or the sender of the body. */
  #onGone: (() => void) | undefined;

  constructor(response: HttpResponse, route: ExchangeRoute, host: ExchangeHost, request: ExchangeRequest) {
    this.#response = response;
    this.#route = route;
    this.#host = host;
    this.id = request.id;
    this.caller = request.caller;
    this.headers = request.headers;
    this.params = request.params;
    this.query = request.query;
    this.isHead = request.isHead;
  }

  /** Receives a part of the body; `chunk` is valid until this returns. */
  receive(chunk: ArrayBuffer, { isLast }: { readonly isLast: boolean }): void {
    if (this.#isOver) return;
    const { maxBodyBytes } = this.#route;
    this.#receivedBytes += chunk.byteLength;
    if (this.#receivedBytes > maxBodyBytes) {
      this.#parts?.free();
      if (isLast || this.#receivedBytes > maxBodyBytes + MAX_DISCARDED_BYTES) this.send(bodyTooLarge(maxBodyBytes));
    } else if (isLast && this.#parts === undefined) this.handle(new Uint8Array(chunk));
    else {
      const parts = (this.#parts ??= this.#newParts());
      if (!parts.add(chunk)) {
        parts.free();
        this.send(OVERLOADED);
      } else if (isLast) this.handle(parts.body);
    }
  }

  #newParts(): BodyParts {
    return new BodyParts({
      buffered: this.#host.buffered,
      caller: this.caller?.id ?? this.peer(),
      announcedBytes: this.headers.contentLength === "" ? NaN : Number(this.headers.contentLength),
      maxBytes: this.#route.maxBodyBytes,
    });
  }

  get route(): ExchangeRoute {
    return this.#route;
  }

  /** Handles the complete request; `body` is valid until this returns. */
  handle(body: Uint8Array): void {
    const { caller } = this;
    const { limits } = this.#host;
    if (caller === undefined || !limits.isLimited(caller, this.#route)) {
      this.#answer(body);
      return;
    }
    const kept = this.#parts?.owns(body) === true ? body : body.slice(0); // the memory of a single chunk is reused
    limits.check(caller, this.#route, (limited) => {
      this.#limited = limited;
      this.#limitHeaders = limited.headersAfter(0, 0);
      if (limited.rejection) this.send(limited.rejection);
      else if (!this.#isOver) this.#answer(kept);
    });
  }

  #answer(body: Uint8Array): void {
    this.body = body;
    try {
      this.#route.handle(this, this);
    } catch (error) {
      this.#host.onError(error, this.id);
      this.send(INTERNAL_ERROR);
    }
    this.body = EMPTY;
  }

  takeBody(): Uint8Array {
    const { body } = this;
    const isAllOfItsMemory = this.#parts?.owns(body) === true && body.length === body.buffer.byteLength;
    return isAllOfItsMemory ? body : new Uint8Array(body);
  }

  peer(): string {
    return peerName(this.#response.getRemoteAddress());
  }

  chargeJobs(submissions: readonly Pick<Submission, "payload">[]): void {
    if (this.caller === undefined || this.#limited === undefined) return;
    const bytes = submissions.reduce((sum, { payload }) => sum + bytesOf(payload), 0);
    this.#host.limits.charge(this.caller, submissions.length, bytes);
    this.#limitHeaders = this.#limited.headersAfter(submissions.length, bytes);
  }

  /** The client has disconnected. */
  abort(): void {
    this.#isGone = true;
    if (!this.#isOver) this.#finish(CLIENT_GONE);
    this.#onGone?.();
  }

  onGone(listener: () => void): void {
    if (this.#isOver) listener();
    else this.#onGone = listener;
  }

  stream(head: StreamHead, onOver: () => void): TextStream {
    if (this.#isOver) return NO_STREAM;
    this.#finish(200);
    const write = (): void => writeHead(this.#response, { ...head, status: 200 }, this.#facts());
    if (this.isHead) {
      this.#atEndOfTurn(() => {
        write();
        this.#response.endWithoutBody();
      });
      return NO_STREAM;
    }
    this.#response.cork(write);
    const stream = new ResponseStream(this.#response, onOver);
    this.#onGone = () => stream.abort();
    return stream;
  }

  send(answer: Answer): void {
    if (this.#isOver || this.#isCompressing) return;
    if (REJECTS_CALLER.has(answer.status)) this.#host.onRejected(this, answer);
    if (this.headers.acceptEncoding !== "" && isWorthGzip(answer, this.headers.acceptEncoding) && !this.isHead) {
      this.#isCompressing = true;
      gzipAnswer(answer, (compressed) => this.#sendNow(compressed));
    } else this.#sendNow(answer);
  }

  #sendNow(answer: Answer): void {
    if (this.#isOver) return;
    this.#finish(answer.status);
    this.#onGone = undefined;
    this.#atEndOfTurn(() => this.#write(answer), answer);
  }

  /**
   * After the last request of a connection, the answer is written only when the library has parsed everything that
   * arrived with the request: the library closes a connection whose next request comes before the end of an answer. The
   * sender of a last answer handles that case itself (last-answer.ts).
   */
  #atEndOfTurn(write: () => void, { isLast = false }: Pick<Answer, "isLast"> = {}): void {
    const corked = (): void => {
      if (this.#isGone) return;
      try {
        this.#response.cork(write);
      } catch (error) {
        this.#host.onError(error, this.id);
      }
    };
    if (!isLast && this.#isLastRequest()) setImmediate(corked);
    else this.#host.outgoing.add(corked);
  }

  #isLastRequest(): boolean {
    return isLastRequest(this.headers, this.#route.operation.method);
  }

  #finish(status: number): void {
    this.#isOver = true;
    this.#parts?.release();
    const { method, pattern } = this.#route.operation;
    this.#host.onEnd(method, pattern, status, (performance.now() - this.#startedAt) / 1_000);
  }

  #write(answer: Answer): void {
    this.#onGone = writeAnswer(this.#response, answer, this.#facts(answer), {
      isHead: this.isHead,
      isLastRequest: this.#isLastRequest(),
      connection: this.headers.connection,
      sendLast: this.#host.sendLast,
      onError: this.#host.onError,
    });
  }

  #facts({ isLast = false }: Pick<Answer, "isLast"> = {}): RequestFacts {
    const { corsHeaders, keepAlive } = this.#host;
    const endsConnection = isLast || this.#isLastRequest();
    return {
      id: this.id,
      limitHeaders: this.#limitHeaders,
      corsHeaders: corsHeaders(this.headers.origin),
      keepAlive: endsConnection ? "" : keepAlive,
    };
  }
}
