/**
 * Where new job ids come from: UUIDv7 in Redis time, rising within a process.
 *
 * Nobody can tell one caller's id from another's. Each call skips up to 2^20 of the 2^30 values of the upper random bits, and draws the lower 32 anew,
 * so of 2^52 ids that may follow a known one, each is as likely. Only the ids of one call count up by one.
 *
 * Two processes may draw the same id where both make some in the same millisecond, for the same shard: at a hundred ids in each millisecond, with a
 * probability of some 5,000 pairs / 2^61 = 2·10^-15 for each, or 2·10^-7 for each day that goes on like that. Within a process none repeats: where
 * it begins a millisecond anew, after the clock went back, the same probability holds.
 */
import { randomFillSync } from "node:crypto";
import { idStart, idWith } from "../core/id.ts";

/** One call of the system for so many numbers, of which an id takes two. */
const POOL = new Uint32Array(2_048);
/** Redis's clock may be corrected by so much, and what a process knows of it: ids go on to rise. Where it went back further, it was set. */
const STEP_MS = 1_000;

export class IdSource {
  readonly #now: () => number;
  readonly #shard: number;
  #ms = 0;
  /** Of the ids of this millisecond. */
  #start = "";
  /** Of the upper random bits of the last id, 30. */
  #upper = 0;
  #poolAt = POOL.length;

  /** @param now epoch ms, Redis's @param shard the number of the namespace, 0 to 4095 */
  constructor(now: () => number, shard: number) {
    this.#now = now;
    this.#shard = shard;
  }

  /** A new id: the first of `count` that follow each other ({@link idsFrom} gives them all). */
  next(count = 1): string {
    const now = this.#now();
    this.#upper += 1 + (this.#random() >>> 12);
    if (now > this.#ms || this.#ms - now > STEP_MS || this.#upper > 0x3fff_ffff) {
      // Half of the upper bits are left to count up within the millisecond: enough for a thousand calls. After that it takes the next.
      this.#ms = now > this.#ms || this.#ms - now > STEP_MS ? now : this.#ms + 1;
      this.#start = idStart(this.#ms, this.#shard);
      this.#upper = this.#random() >>> 3;
    }
    const lower = count === 1 ? this.#random() : this.#random() >>> 1; // a batch has 2^31 to count up
    return idWith(this.#start, this.#upper, lower);
  }

  #random(): number {
    if (this.#poolAt === POOL.length) {
      randomFillSync(POOL);
      this.#poolAt = 0;
    }
    const value = POOL[this.#poolAt] ?? 0;
    this.#poolAt += 1;
    return value;
  }
}
