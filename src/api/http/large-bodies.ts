/**
 * Large bodies take turns from their parsing to their answer. While a body is parsed and enqueued, it takes ten times
 * its bytes: the objects, strings and requests of up to 10,000 jobs. A waiting body takes only its bytes, which are
 * bounded. Callers take turns, too: if one sends a hundred bodies, the next caller waits only for the ones that have
 * started.
 */
import { BODY_THREADS } from "../../core/body.ts";

/** One on each parsing thread, and one on its way into Redis. */
const MAX_ACTIVE = BODY_THREADS + 1;

/** The share of all bytes that waiting bodies may take; the rest is for bodies that are still arriving. */
const WAITING_SHARE = 3 / 4;
/**
 * The share of active bodies, unless there is only one: parsing and enqueuing one takes about three times its bytes in
 * addition.
 */
const ACTIVE_SHARE = 1 / 3;
/** The share of one caller, so that there is always room for others. */
const CALLER_SHARE = 1 / 2;

export interface LargeBody {
  /** Who sent it. */
  readonly caller: string;
  readonly bytes: number;
  /** Called once, when it is its turn. */
  readonly start: () => void;
}

interface Caller {
  readonly bodies: LargeBody[];
  bytes: number;
}

export class LargeBodies {
  readonly #maxBytes: number;
  /** The callers whose bodies are on the threads: one body each, so that the next caller finds a thread. */
  readonly #parsingFor = new Set<string>();
  #active = 0;
  #activeBytes = 0;
  #waitingBytes = 0;
  /** The callers with waiting bodies, in the order of their turns. */
  readonly #callers = new Map<string, Caller>();

  /** @param maxBytes the bound of all bodies whose requests are not answered yet */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Starts a body, at once or when it is its turn. The caller must call {@link parsed} and then {@link leave}, also
   * after an error.
   * @returns false if too many bytes are waiting already: then the body is not started
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

  /** Drops a waiting body whose client has disconnected. */
  drop(body: LargeBody): void {
    const caller = this.#callers.get(body.caller);
    const at = caller?.bodies.indexOf(body) ?? -1;
    if (caller === undefined || at < 0) return;
    caller.bodies.splice(at, 1);
    this.#count(caller, -body.bytes);
    if (caller.bodies.length === 0) this.#callers.delete(body.caller);
  }

  /** The body of this caller has left its thread. */
  parsed(caller: string): void {
    this.#parsingFor.delete(caller);
    this.#startWaiting();
  }

  /** The request of a body is answered. */
  leave({ bytes }: LargeBody): void {
    this.#active -= 1;
    this.#activeBytes -= bytes;
    this.#startWaiting();
  }

  #hasRoom({ bytes }: LargeBody): boolean {
    if (this.#parsingFor.size >= BODY_THREADS || this.#active >= MAX_ACTIVE) return false;
    return this.#active === 0 || this.#activeBytes + bytes <= ACTIVE_SHARE * this.#maxBytes;
  }

  #start(body: LargeBody): void {
    this.#parsingFor.add(body.caller);
    this.#active += 1;
    this.#activeBytes += body.bytes;
    body.start();
  }

  #startWaiting(): void {
    for (const [name, caller] of this.#callers) {
      if (this.#parsingFor.has(name)) continue;
      const [body] = caller.bodies;
      if (body === undefined || !this.#hasRoom(body)) return;
      caller.bodies.shift();
      this.#callers.delete(name);
      if (caller.bodies.length > 0) this.#callers.set(name, caller); // at the end of the order
      this.#count(caller, -body.bytes);
      this.#start(body);
    }
  }

  #count(caller: Caller, bytes: number): void {
    caller.bytes += bytes;
    this.#waitingBytes += bytes;
  }
}
