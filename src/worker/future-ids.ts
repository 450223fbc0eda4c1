/**
 * Accepted jobs whose ids lie in the future, because Redis's clock was ahead when they were made: their age cannot be told by the id. Those that Redis
 * does not hold have settled once they were seen for long enough, by this process's own clock.
 */
import { HIGHEST_ID, lowestIdAt } from "../core/id.ts";
import type { Queue } from "../queue/queue.ts";
import type { Accepted, Unrecorded } from "../results/acceptance-log/reader.ts";

/** What this process knows of Redis's clock is not wrong by so much. */
const AHEAD_MS = 5_000;
const SLICE = 1_000;
/** Kept in memory at once; the others wait for a later look. */
const MAX_MISSING = 10_000;

export interface FutureIdsOptions {
  readonly queue: Pick<Queue, "missing">;
  readonly accepted: Pick<Accepted, "unrecorded">;
  /** Between two looks. */
  readonly settledMs: number;
}

export class FutureIds {
  readonly #options: FutureIdsOptions;
  #missing: Unrecorded["jobs"] = [];
  /** By `performance.now()`. */
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: FutureIdsOptions) {
    this.#options = options;
  }

  /** Forgets what was seen: another process led meanwhile. */
  reset(): void {
    this.#missing = [];
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  /** The jobs that were missing in Redis at the last look, `settledMs` ago; none before that time. @param now epoch ms, Redis's */
  async settled(now: number): Promise<Unrecorded["jobs"]> {
    const { queue, accepted, settledMs } = this.#options;
    if (performance.now() - this.#lookedAt < settledMs) return [];
    const before = this.#missing;
    const missing: Unrecorded["jobs"][number][] = [];
    for (let above: string | null = lowestIdAt(now + AHEAD_MS); above !== null && missing.length < MAX_MISSING; ) {
      const { last, jobs }: Unrecorded = await accepted.unrecorded(above, HIGHEST_ID, SLICE);
      const absent = new Set(await queue.missing(jobs.map(({ id }) => id)));
      missing.push(...jobs.filter(({ id }) => absent.has(id)));
      above = last;
    }
    [this.#missing, this.#lookedAt] = [missing, performance.now()];
    return before;
  }
}
