/**
 * New job ids: UUIDv7 in Redis time, rising within a process.
 *
 * A caller cannot guess another caller's ids. Each call skips up to 2^20 of the 2^30 values of the upper random bits,
 * and draws the lower 32 again, so each of the 2^52 ids that may follow a known one is as likely. Only the ids of one
 * call count up by one.
 *
 * Two processes may draw the same id if both make ids in the same millisecond, for the same shard: at a hundred ids in
 * each millisecond, with a probability of some 5,000 pairs / 2^61 = 2·10^-15 for each millisecond, or 2·10^-7 for each
 * such day. Within a process no id repeats, except with the same probability if it makes ids for a millisecond
 * again, after the clock went back.
 */
import { createHash, randomFillSync } from "node:crypto";
import { at } from "../core/at.ts";
import { idStart, idWith } from "../core/id.ts";

/** How many random numbers a source draws at once, to save system calls; an id takes two. */
const POOL_SIZE = 2_048;
/**
 * Corrections of Redis's clock, and of a process's estimate of it, are smaller than this: ids keep rising. A clock that
 * went back further was set.
 */
const STEP_MS = 1_000;

export class IdSource {
  readonly #now: () => number;
  readonly #shard: number;
  #ms = 0;
  /** The common start of the ids of this millisecond. */
  #start = "";
  /** The upper 30 random bits of the last id. */
  #upper = 0;
  /** Not shared: two sources that read the same numbers in one millisecond would make the same ids. */
  readonly #pool = new Uint32Array(POOL_SIZE);
  #poolAt = POOL_SIZE;

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
      // Half of the upper bits are left to count up within the millisecond: enough for a thousand calls. After that it
      // takes the next.
      this.#ms = now > this.#ms || this.#ms - now > STEP_MS ? now : this.#ms + 1;
      this.#start = idStart(this.#ms, this.#shard);
      this.#upper = this.#random() >>> 3;
    }
    const lower = count === 1 ? this.#random() : this.#random() >>> 1; // a batch has 2^31 to count up
    return idWith(this.#start, this.#upper, lower);
  }

  #random(): number {
    if (this.#poolAt === POOL_SIZE) {
      randomFillSync(this.#pool);
      this.#poolAt = 0;
    }
    const value = at(this.#pool, this.#poolAt);
    this.#poolAt += 1;
    return value;
  }
}

/**
 * An id that follows from another id and a purpose: a repeated call that enqueues under it enqueues once. It keeps the
 * time and the shard of `id`; a digest takes the place of the random bits.
 * @param purpose the text that is digested: it names every fact that the new id depends on, `id` too
 */
export function derivedId(id: string, purpose: string): string {
  const digits = createHash("sha256").update(purpose).digest("hex");
  return `${id.slice(0, 20)}${digits.slice(0, 3)}-${digits.slice(3, 15)}`;
}

/** The id of the job that delivers the callback of a job. */
export function callbackId(id: string): string {
  return derivedId(id, `callback ${id}`);
}
