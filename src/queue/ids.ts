/** Where new job ids come from: UUIDv7 in Redis time, rising within a process. */
import { randomFillSync } from "node:crypto";
import { idPrefix, makeId } from "../core/id.ts";

const POOL = new Uint32Array(2_048);

export class IdSource {
  readonly #now: () => number;
  readonly #shard: number;
  #ms = 0;
  #prefix = "";
  #counter = 0;
  #poolAt = POOL.length;

  /** @param now epoch ms, Redis's @param shard the number of the namespace, 0 to 4095 */
  constructor(now: () => number, shard: number) {
    this.#now = now;
    this.#shard = shard;
  }

  /** A new id: the first of `count` that follow each other ({@link idsFrom} gives them all). */
  next(count = 1): string {
    const now = this.#now();
    // 2^31 + 2^31 leaves room to count up within one millisecond without touching the random part.
    if (now > this.#ms || this.#counter + count > 0xffff_ffff) {
      this.#ms = Math.max(now, this.#ms + (now > this.#ms ? 0 : 1));
      this.#prefix = idPrefix(this.#ms, this.#shard, this.#random() >>> 2);
      this.#counter = this.#random() >>> 1;
    }
    const id = makeId(this.#prefix, this.#counter);
    this.#counter += count;
    return id;
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
