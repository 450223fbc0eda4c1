/**
 * Times that the main thread and the lease guard's thread share. Each thread uses its own `performance.now()`, which
 * starts at another moment in each; the shared memory has the times by the machine's monotonic clock, in whole
 * microseconds.
 */
import { performance } from "node:perf_hooks"; // not the global, which is looked up at each use

const [DUE, RENEWED, GUARDED] = [0, 1, 2];
const SLOTS = 3;

export class Beat {
  /** For the other thread, which makes its own `Beat` of it. */
  readonly buffer: SharedArrayBuffer;
  readonly #times: BigInt64Array;
  /** The difference between the machine's clock and `performance.now()` of this thread. */
  readonly #offsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

  constructor(buffer = new SharedArrayBuffer(SLOTS * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#times = new BigInt64Array(buffer);
  }

  /** When the main thread must beat next; a later beat means that it is blocked. Undefined while it need not beat. */
  get dueAt(): number | undefined {
    return this.#get(DUE);
  }

  set dueAt(ms: number | undefined) {
    this.#set(DUE, ms);
  }

  /**
   * When the main thread began its latest successful renewal of all its leases; undefined before the first lease and
   * after the last.
   */
  get renewedAt(): number | undefined {
    return this.#get(RENEWED);
  }

  set renewedAt(ms: number | undefined) {
    this.#set(RENEWED, ms);
  }

  /** When the guard began its latest successful renewal in place of the main thread. */
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
