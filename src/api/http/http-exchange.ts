/**
 * One request over HTTP, from its head to its answer:
 *
 *   reading ──last byte──▶ handled ──send──▶ over
 *      └───── fault, or the client has gone ───▲
 *
 * Once over, the response may not be touched (uWebSockets.js ends the process for some of that): every way in asks first.
 */
import { performance } from "node:perf_hooks"; // not the global, which is looked up at each use
import { gzip } from "node:zlib";
import type { ApiKey } from "../../core/api-key.ts";
import type { Submission } from "../../core/job.ts";
import { bytesOf } from "../../core/payload.ts";
import { freeBuffer } from "../../process/free-memory.ts";
import type { Limited, RateLimits } from "../access/rate-limits.ts";
import type { BufferedBytes } from "./buffered-bytes.ts";
import { isWorthGzip } from "./compression.ts";
import type { StreamResponse } from "./download.ts";
import { sendStream, sendWhole } from "./download.ts";
import type { Answer, ApiRequest, Handler, Reply, StreamHead, TextStream } from "./exchange.ts";
import type { LastResponse, SendLast } from "./last-answer.ts";
import type { Outgoing } from "./outgoing.ts";
import { peerName } from "./peer.ts";
import { INTERNAL_ERROR, problem } from "./problem.ts";
import type { RequestHead } from "./request-head.ts";
import { bodyTooLarge, isLastRequest, MAX_DISCARDED_BYTES } from "./request-head.ts";
import type { RequestFacts } from "./response-head.ts";
import { writeHead } from "./response-head.ts";
import type { ChunkedResponse } from "./text-stream.ts";
import { ResponseStream } from "./text-stream.ts";

/** What is used of uWebSockets.js's HttpResponse. */
export interface HttpResponse extends Omit<StreamResponse, keyof ChunkedResponse>, ChunkedResponse, LastResponse {
  writeStatus(status: string): unknown;
  end(body?: string | Uint8Array, closeConnection?: boolean): unknown;
  endWithoutBody(reportedContentLength?: number, closeConnection?: boolean): unknown;
  getRemoteAddress(): ArrayBuffer;
}

/** What all exchanges of a server share. */
export interface ExchangeHost {
  readonly onIssue: (error: unknown, requestId: string) => void;
  readonly onEnd: (method: string, pattern: string, status: number, seconds: number) => void;
  /** Bodies that came in parts and are not answered yet, of all exchanges. */
  readonly buffered: BufferedBytes;
  readonly limits: RateLimits;
  readonly outgoing: Outgoing;
  readonly sendLast: SendLast;
  /** How long the listener keeps a connection without a request: a line of the head, or "" where the listener adds it by itself. */
  readonly keepAlive: string;
  /** What each answer says to this origin; "" for none. */
  readonly corsHeaders: (origin: string) => NonNullable<Answer["headers"]>;
  /** The request was refused for who sent it, or how often. */
  readonly onRejected: (exchange: HttpExchange, answer: Answer) => void;
}

export interface ExchangeRoute {
  readonly operation: { readonly method: string; readonly pattern: string };
  readonly handle: Handler;
  readonly maxBodyBytes: number;
  readonly takesJobs: boolean;
}

/** What is known of a request when its head has been read. */
export interface ExchangeRequest extends Omit<ApiRequest, "body" | "takeBody" | "peer" | "chargeJobs" | "headers"> {
  readonly headers: RequestHead;
}

const OVERLOADED = problem(503, "overloaded", "Too many large requests are under way.", { isLast: true });
/** What a request that its client gave up is counted under, as nginx does. */
const CLIENT_GONE = 499;

/** Who calls may not, or not now: these answers are logged. */
const REJECTS_CALLER: ReadonlySet<number> = new Set([401, 403, 429]);

const EMPTY = new Uint8Array(0);
/** The body of an answer to nobody, or to HEAD. */
const NO_STREAM: TextStream = {
  isOver: true,
  isFull: false,
  write: () => undefined,
  onWritable: () => undefined,
  end: () => undefined,
  cut: () => undefined,
};
const NO_HEADERS: NonNullable<Answer["headers"]> = [];
/** Two thirds of the default's time for a few per cent more bytes. */
const GZIP_LEVEL = 4;

export class HttpExchange implements ApiRequest, Reply {
  readonly id: string;
  readonly caller: ApiKey | undefined;
  readonly headers: RequestHead;
  readonly params: readonly string[];
  readonly query: string;
  readonly isHead: boolean;
  body: Uint8Array = EMPTY;
  readonly #response: HttpResponse;
  readonly #route: ExchangeRoute;
  readonly #host: ExchangeHost;
  readonly #startedAt = performance.now();
  /** Memory for a body that comes in parts; its first `#receivedBytes` are filled. */
  #kept: Uint8Array<ArrayBuffer> | undefined;
  /** Its length, which it loses where it moves to a thread. */
  #keptBytes = 0;
  #receivedBytes = 0;
  /** Whom its bytes are counted for: known with the first part that is kept. */
  #caller: string | undefined;
  /** Undefined where nothing limits it. */
  #limited: Limited | undefined;
  #limitHeaders: NonNullable<Answer["headers"]> = NO_HEADERS;
  #isCompressing = false;
  #isOver = false;
  #isGone = false;
  /** What is to be told that the client has gone: whoever will answer, or what sends the body. */
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

  /** A part of the body has come; `chunk` is gone when this returns. */
  receive(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#isOver) return;
    const before = this.#receivedBytes;
    this.#receivedBytes += chunk.byteLength;
    const { maxBodyBytes } = this.#route;
    if (this.#receivedBytes > maxBodyBytes) {
      this.#freeKept();
      if (isLast || this.#receivedBytes > maxBodyBytes + MAX_DISCARDED_BYTES) this.send(bodyTooLarge(maxBodyBytes));
    } else if (isLast && this.#kept === undefined) this.handle(new Uint8Array(chunk));
    else if (!this.#hasRoom()) {
      this.#freeKept();
      this.send(OVERLOADED);
    } else {
      this.#kept?.set(new Uint8Array(chunk), before);
      if (isLast && this.#kept) this.handle(this.#kept.subarray(0, this.#receivedBytes));
    }
  }

  get #bufferedFor(): string {
    return (this.#caller ??= this.caller?.id ?? this.peer());
  }

  get route(): ExchangeRoute {
    return this.#route;
  }

  /** The request is complete; `body` is gone when this returns. */
  handle(body: Uint8Array): void {
    const { caller } = this;
    const { limits } = this.#host;
    const { takesJobs } = this.#route;
    if (caller === undefined || !limits.isLimited(caller, takesJobs)) {
      this.#answer(body);
      return;
    }
    const kept = this.#kept ? body : body.slice(0); // what came in parts stands in memory of its own
    limits.check(caller, takesJobs, (limited) => {
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
      this.#host.onIssue(error, this.id);
      this.send(INTERNAL_ERROR);
    }
    this.body = EMPTY;
  }

  takeBody(): Uint8Array {
    const { body } = this;
    return body.buffer === this.#kept?.buffer && body.length === body.buffer.byteLength ? body : new Uint8Array(body);
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

  /** The client has gone. */
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
    if (this.headers.acceptEncoding !== "" && isWorthGzip(answer, this.headers.acceptEncoding) && !this.isHead)
      this.#compress(answer);
    else this.#sendNow(answer);
  }

  /** Beside the event loop: a page of jobs may have 8 MiB. */
  #compress(answer: Answer): void {
    this.#isCompressing = true;
    gzip(answer.body as string, { level: GZIP_LEVEL }, (error, bytes) => {
      if (error || this.#isOver) {
        this.#sendNow(answer);
        return;
      }
      this.#sendNow({
        ...answer,
        body: bytes,
        headers: [...(answer.headers ?? []), ["Content-Encoding", "gzip"], ["Vary", "Accept-Encoding"]],
      });
    });
  }

  #sendNow(answer: Answer): void {
    if (this.#isOver) return;
    this.#finish(answer.status);
    this.#onGone = undefined;
    this.#atEndOfTurn(() => this.#write(answer), answer.isLast);
  }

  /**
   * After a request that is the last one of its connection, writes when the library has parsed all that came with it: it closes a
   * connection whose next request comes before the end of an answer. A last answer sees to that by itself (last-answer.ts).
   */
  #atEndOfTurn(write: () => void, isLastAnswer = false): void {
    const corked = (): void => {
      if (this.#isGone) return;
      try {
        this.#response.cork(write);
      } catch (error) {
        this.#host.onIssue(error, this.id);
      }
    };
    if (!isLastAnswer && this.#isLastRequest()) setImmediate(corked);
    else this.#host.outgoing.add(corked);
  }

  #isLastRequest(): boolean {
    return isLastRequest(this.headers, this.#route.operation.method);
  }

  /** Makes room for what has been received. False where all bodies together, or those of this caller, are too much. */
  #hasRoom(): boolean {
    const had = this.#keptBytes;
    if (had >= this.#receivedBytes) return true;
    const announced = Number(this.headers.contentLength);
    // What a head announces costs its sender nothing: it is believed once a quarter of it is here.
    const wanted =
      announced >= this.#receivedBytes && announced <= 4 * this.#receivedBytes
        ? announced
        : Math.min(2 * this.#receivedBytes, this.#route.maxBodyBytes);
    if (!this.#host.buffered.add(this.#bufferedFor, wanted - had)) return false;
    this.#keptBytes = wanted;
    const room = new Uint8Array(wanted);
    if (this.#kept) {
      room.set(this.#kept);
      freeBuffer(this.#kept);
    }
    this.#kept = room;
    return true;
  }

  #finish(status: number): void {
    this.#isOver = true;
    this.#dropKept();
    const { method, pattern } = this.#route.operation;
    this.#host.onEnd(method, pattern, status, (performance.now() - this.#startedAt) / 1_000);
  }

  /** Before anybody was given the body. */
  #freeKept(): void {
    if (this.#kept) freeBuffer(this.#kept);
    this.#dropKept();
  }

  #dropKept(): void {
    if (this.#keptBytes > 0) this.#host.buffered.remove(this.#bufferedFor, this.#keptBytes);
    this.#keptBytes = 0;
    this.#kept = undefined;
  }

  #write(answer: Answer): void {
    const response = this.#response;
    const { status, body, isLast = false } = answer;
    writeHead(response, answer, this.#facts(isLast));
    if (isLast && typeof body === "string") {
      this.#onGone = this.#host.sendLast(response, body, { isHead: this.isHead, isFramingWrong: status === 400 });
    } else if (this.isHead) {
      const bytes = typeof body === "string" || body instanceof Uint8Array ? Buffer.byteLength(body) : body.bytes;
      if (this.#isLastRequest()) {
        response.writeHeader("Connection", "close");
        response.endWithoutBody(bytes, true);
      } else {
        response.writeHeader("Content-Length", String(bytes)); // given to the library, it leaves the answer open, and the next request closes the connection
        response.endWithoutBody();
      }
    } else if (status === 304 || status === 204) {
      response.endWithoutBody();
    } else if (typeof body === "string" || body instanceof Uint8Array) {
      if (this.headers.connection.toLowerCase() === "close") {
        response.writeHeader("Connection", "close");
        sendWhole(response, typeof body === "string" ? Buffer.from(body) : body); // the library closes it then
      } else {
        response.end(body, this.#isLastRequest());
      }
    } else {
      this.#onGone = sendStream(response, body, (error) => this.#host.onIssue(error, this.id));
    }
  }

  #facts(isLast = false): RequestFacts {
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
