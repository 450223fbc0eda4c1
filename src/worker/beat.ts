/**
 * Times that the main thread and the thread that guards its leases share. Each thread gives and gets them by its own
 * `performance.now()`, which begins anew in each; the memory holds the machine's monotonic clock, in whole microseconds.
 */
import { performance } from "node:perf_hooks"; // not the global, which is looked up at each use

const [DUE, RENEWED, GUARDED] = [0, 1, 2];
const SLOTS = 3;

export class Beat {
  /** To make the other thread's side of. */
  readonly buffer: SharedArrayBuffer;
  readonly #times: BigInt64Array;
  /** What `performance.now()` of this thread is behind the machine's clock. */
  readonly #offsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

  constructor(buffer = new SharedArrayBuffer(SLOTS * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#times = new BigInt64Array(buffer);
  }

  /** When the main thread beats next, unless it is blocked; undefined while it promises nothing. */
  get dueAt(): number | undefined {
    return this.#get(DUE);
  }

  set dueAt(ms: number | undefined) {
    this.#set(DUE, ms);
  }

  /** When the main thread last began to renew all its leases, and did; undefined before and after it holds any. */
  get renewedAt(): number | undefined {
    return this.#get(RENEWED);
  }

  set renewedAt(ms: number | undefined) {
    this.#set(RENEWED, ms);
  }

  /** When the guard last began to renew them in its place, and did. */
  get guardedAt(): number | undefined {
    return this.#get(GUARDED);
  }

  set guardedAt(ms: number | undefined) {
    this.#set(GUARDED, ms);
  }

  #get(slot: number): number | undefined {
    const time = Atomics.load(this.#times, slot);
    return time === 0n ? undefined : Number(time) / 1e3 - this.#offsetMs;
  }

  #set(slot: number, ms: number | undefined): void {
    Atomics.store(this.#times, slot, ms === undefined ? 0n : BigInt(Math.round((ms + this.#offsetMs) * 1e3)));
  }
}
