/**
 * Accepted jobs whose ids lie in the future, because Redis' clock was ahead when they were made, so the id does not
 * show their age. A job counts as lost once two examinations, far enough apart by this process's clock, have not found
 * it in Redis.
 */
import { HIGHEST_ID, lowestIdAt } from "../core/id.ts";
import type { Queue } from "../queue/queue.ts";
import type { AcceptanceLogReader, Unrecorded } from "../results/acceptance-log/reader.ts";

/** The limit for the error of this process's estimate of Redis' clock. */
const AHEAD_MS = 5_000;
const PAGE = 1_000;
/** The maximum in memory; the others wait for a later examination. */
const MAX_MISSING = 10_000;

export interface FutureIdsOptions {
  readonly queue: Pick<Queue, "missing">;
  readonly acceptanceLog: Pick<AcceptanceLogReader, "unrecorded">;
  /** Between two examinations. */
  readonly settledMs: number;
}

export class FutureIds {
  readonly #options: FutureIdsOptions;
  #missing: Unrecorded["jobs"] = [];
  /** By `performance.now()`. */
  #examinedAt = Number.NEGATIVE_INFINITY;

  constructor(options: FutureIdsOptions) {
    this.#options = options;
  }

  /** Discards all ids: another process led meanwhile. */
  reset(): void {
    this.#missing = [];
    this.#examinedAt = Number.NEGATIVE_INFINITY;
  }

  /**
   * The jobs that were missing in Redis at the last examination, at least `settledMs` ago; else none. @param now epoch
   * ms of Redis
   */
  async settled(now: number): Promise<Unrecorded["jobs"]> {
    const { queue, acceptanceLog, settledMs } = this.#options;
    if (performance.now() - this.#examinedAt < settledMs) return [];
    const before = this.#missing;
    const missing: Unrecorded["jobs"][number][] = [];
    for (let above: string | null = lowestIdAt(now + AHEAD_MS); above !== null && missing.length < MAX_MISSING; ) {
      const { last, jobs }: Unrecorded = await acceptanceLog.unrecorded(above, HIGHEST_ID, PAGE);
      const absent = new Set(await queue.missing(jobs.map(({ id }) => id)));
      missing.push(...jobs.filter(({ id }) => absent.has(id)));
      above = last;
    }
    [this.#missing, this.#examinedAt] = [missing, performance.now()];
    return before;
  }
}
