/**
 * Large bodies take turns from their parsing to their answer: each is the objects, texts and requests of up to 10,000 jobs
 * while it is parsed and enqueued, ten times its bytes. Those that wait are bytes, which are bounded. The callers take turns, too:
 * one that sends a hundred bodies keeps the next caller waiting for those that have begun, and for no others.
 */
import { BODY_THREADS } from "../../core/body.ts";

/** One on each thread that parses, one on its way into Redis. */
const MAX_UNDER_WAY = BODY_THREADS + 1;

/** Of the bytes that the server has for bodies: a quarter is left for those that still come in. */
const WAITING_SHARE = 3 / 4;
/** Of those under way, unless it is one alone: what is parsed and enqueued takes about three times its bytes beside them. */
const UNDER_WAY_SHARE = 1 / 3;
/** Of one caller, so that there is always room for others. */
const CALLER_SHARE = 1 / 2;

export interface LargeBody {
  /** Whose turn it takes. */
  readonly caller: string;
  readonly bytes: number;
  /** Called once, when it is the body's turn. */
  readonly start: () => void;
}

interface Caller {
  readonly bodies: LargeBody[];
  bytes: number;
}

export class LargeBodies {
  readonly #maxBytes: number;
  /** The callers of the bodies on the threads: one body each, so that a thread is left for the next caller. */
  readonly #parsingFor = new Set<string>();
  #underWay = 0;
  #underWayBytes = 0;
  #waitingBytes = 0;
  /** In the order of their turns. Each has a body that waits. */
  readonly #callers = new Map<string, Caller>();

  /** @param maxBytes that the server has for all bodies that are not answered yet */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Starts a body, now or when it is its turn. Whatever comes of it, {@link parsed} and then {@link leave} follow.
   * @returns false where too many bytes wait already: it is not started
   */
  enter(body: LargeBody): boolean {
    const isNext =
      !this.#parsingFor.has(body.caller) && [...this.#callers.keys()].every((name) => this.#parsingFor.has(name));
    if (isNext && this.#hasRoom(body)) {
      this.#start(body);
      return true;
    }
    const caller = this.#callers.get(body.caller) ?? { bodies: [], bytes: 0 };
    if (
      this.#waitingBytes + body.bytes > WAITING_SHARE * this.#maxBytes ||
      caller.bytes + body.bytes > CALLER_SHARE * this.#maxBytes
    )
      return false;
    caller.bodies.push(body);
    this.#callers.set(body.caller, caller);
    this.#count(caller, body.bytes);
    return true;
  }

  /** The body's client has gone: where it still waits, it is dropped. */
  drop(body: LargeBody): void {
    const caller = this.#callers.get(body.caller);
    const at = caller?.bodies.indexOf(body) ?? -1;
    if (caller === undefined || at < 0) return;
    caller.bodies.splice(at, 1);
    this.#count(caller, -body.bytes);
    if (caller.bodies.length === 0) this.#callers.delete(body.caller);
  }

  /** A body needs no thread any more. */
  parsed(caller: string): void {
    this.#parsingFor.delete(caller);
    this.#startWaiting();
  }

  /** A body's request is answered. */
  leave({ bytes }: LargeBody): void {
    this.#underWay -= 1;
    this.#underWayBytes -= bytes;
    this.#startWaiting();
  }

  #hasRoom({ bytes }: LargeBody): boolean {
    if (this.#parsingFor.size >= BODY_THREADS || this.#underWay >= MAX_UNDER_WAY) return false;
    return this.#underWay === 0 || this.#underWayBytes + bytes <= UNDER_WAY_SHARE * this.#maxBytes;
  }

  #start(body: LargeBody): void {
    this.#parsingFor.add(body.caller);
    this.#underWay += 1;
    this.#underWayBytes += body.bytes;
    body.start();
  }

  #startWaiting(): void {
    for (const [name, caller] of this.#callers) {
      if (this.#parsingFor.has(name)) continue;
      const [body] = caller.bodies;
      if (body === undefined || !this.#hasRoom(body)) return;
      caller.bodies.shift();
      this.#callers.delete(name);
      if (caller.bodies.length > 0) this.#callers.set(name, caller); // at the end: the loop comes to it again
      this.#count(caller, -body.bytes);
      this.#start(body);
    }
  }

  #count(caller: Caller, bytes: number): void {
    caller.bytes += bytes;
    this.#waitingBytes += bytes;
  }
}
