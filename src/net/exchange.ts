/**
 * Records what has arrived of the response to a request, also if the HTTP library reports only an error. Each
 * connection looks for the head of the next response itself: it records the status as soon as it has arrived, skips
 * interim responses (1xx) and corrects the head (response-head.ts) before the library reads it. A connection carries
 * one request at a time, so the first bytes after a request are its response.
 */
import type { Socket } from "node:net";
import type { buildConnector, Dispatcher } from "undici";
import { cleanStatus, mayBeResponse, mendedHead, statusIn } from "./response-head.ts";

const NOTHING: Buffer = Buffer.alloc(0);
/** Almost all heads are shorter. */
const USUAL_HEAD_BYTES = 2_048;
/** The longest head that is read. Servers and proxies limit theirs to 8 to 64 KiB. */
const MAX_HEAD_BYTES = 131_072;
/** The longest corrected head that the library reads. */
export const LIBRARY_MAX_HEAD_BYTES = 2 * MAX_HEAD_BYTES;

export interface Exchange {
  /** The status of the response, once it has arrived. */
  status?: number;
}

/** The host's response is not HTTP, or does not belong to a request of this client. */
class UnreadableAnswer extends Error {
  readonly code = "answer_unreadable";
}

/** The exchange whose request the library is about to write, in the same turn of the event loop. */
let starting: Exchange | undefined;

/** The used part of the handlers that the library makes for `request`. */
interface RequestHandler {
  readonly opaque: Exchange | null;
  onConnect: (this: RequestHandler, ...args: readonly unknown[]) => void;
}

const noting = new WeakSet<object>();

/**
 * Uses the `opaque` of each request as its {@link Exchange}: the library calls `onConnect` just before it writes the
 * request. This patches the class of the handlers once, because a method on each handler cost 15 µs a request.
 */
export function withExchanges(dispatcher: Dispatcher): Dispatcher {
  const dispatch = dispatcher.dispatch.bind(dispatcher);
  dispatcher.dispatch = (options, handler) => {
    const handlers = Object.getPrototypeOf(handler) as RequestHandler;
    if (!noting.has(handlers)) noteStarts(handlers);
    return dispatch(options, handler);
  };
  return dispatcher;
}

function noteStarts(handlers: RequestHandler): void {
  const { onConnect } = handlers;
  noting.add(handlers);
  handlers.onConnect = function (...args) {
    starting = this.opaque ?? undefined;
    onConnect.call(this, ...args);
  };
}

/** A connector whose connections record and correct the heads that they read. */
export function tolerant(connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) => {
    connect(options, (...result) => {
      if (result[0] === null) watch(result[1]);
      callback(...result);
    });
  };
}

function watch(socket: Socket): void {
  const heads = new Heads(socket);
  const { read, write } = socket as unknown as {
    readonly read: (size?: number) => Buffer | null;
    readonly write: (...args: readonly unknown[]) => boolean;
  };
  socket.write = (chunk: unknown, encoding?: unknown, written?: unknown) => {
    heads.expect(starting);
    return write.call(socket, chunk, encoding, written);
  };
  socket.read = (size?: number): unknown => {
    for (;;) {
      const chunk = read.call(socket, size);
      if (chunk === null || !heads.isExpected) return chunk;
      const passed = heads.take(chunk);
      if (passed !== undefined || socket.destroyed) return passed ?? null;
    }
  };
}

/** Between a request and the end of the head of its response. */
class Heads {
  isExpected = false;
  #arrived = NOTHING;
  #exchange: Exchange | undefined;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  expect(exchange: Exchange | undefined): void {
    this.isExpected = true;
    this.#exchange = exchange;
    this.#arrived = NOTHING;
  }

  /**
   * What the library is to read of this; undefined while the head is not complete, or where the connection is given up.
   */
  take(chunk: Buffer): Buffer | undefined {
    const status = this.#arrived.length === 0 ? cleanStatus(chunk.toString("latin1", 0, USUAL_HEAD_BYTES)) : undefined;
    if (status === undefined) return this.#takePart(chunk);
    if (this.#exchange) this.#exchange.status = status;
    this.isExpected = false;
    return chunk;
  }

  #takePart(chunk: Buffer): Buffer | undefined {
    this.#arrived = withoutLineEnds(this.#arrived.length === 0 ? chunk : Buffer.concat([this.#arrived, chunk]));
    for (;;) {
      const start = this.#arrived.toString("latin1", 0, 256);
      if (!mayBeResponse(start)) return this.#giveUp("the answer is not HTTP");
      const status = statusIn(start);
      const isInterim = status !== undefined && status < 200 && status !== 101;
      if (status !== undefined && !isInterim && this.#exchange) this.#exchange.status = status;
      if (status === 101) return this.#giveUp("the host changed the protocol without being asked to");
      const end = endOfHead(this.#arrived);
      if (end < 0 && this.#arrived.length <= MAX_HEAD_BYTES) return undefined;
      if (end < 0 || end > MAX_HEAD_BYTES)
        return this.#giveUp(`the headers of the response are larger than ${MAX_HEAD_BYTES} bytes`);
      if (!isInterim) return this.#pass(end);
      this.#arrived = withoutLineEnds(this.#arrived.subarray(end));
      if (this.#arrived.length === 0) return undefined;
    }
  }

  #pass(end: number): Buffer {
    const arrived = this.#arrived;
    this.isExpected = false;
    this.#arrived = NOTHING;
    const head = arrived.toString("latin1", 0, end);
    const mended = mendedHead(head);
    return mended === head ? arrived : Buffer.concat([Buffer.from(mended, "latin1"), arrived.subarray(end)]);
  }

  #giveUp(message: string): Buffer | undefined {
    this.isExpected = false;
    this.#socket.destroy(new UnreadableAnswer(message));
    return undefined;
  }
}

/** Empty lines before a response are no part of it. */
function withoutLineEnds(bytes: Buffer): Buffer {
  let at = 0;
  while (bytes[at] === 13 || bytes[at] === 10) at += 1;
  return at === 0 ? bytes : bytes.subarray(at);
}

/** The position of the body: after an empty line, with CR LF or LF alone. -1 if it has not arrived. */
function endOfHead(bytes: Buffer): number {
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at + 1] === 10) return at + 2;
    if (bytes[at + 1] === 13 && bytes[at + 2] === 10) return at + 3;
  }
  return -1;
}
