/**
 * Attempts of jobs whose previous lease was lost, in their first seconds: a job that kills its process mostly does so
 * at once. A replica starts jobs that were lost twice one at a time, and jobs that were lost once as many as the claim
 * allows.
 */
import { performance } from "node:perf_hooks"; // not the global, which is looked up at each use
import type { Job } from "../core/job.ts";

/** An attempt that has run for this long counts as harmless: the next one may start. */
const PROBATION_MS = 10_000;

interface Begun {
  readonly isPoisonCandidate: boolean;
  readonly at: number;
}

export class Probation {
  readonly #begun = new Map<Job, Begun>();

  began(job: Job): void {
    if (job.crashes > 0) this.#begun.set(job, { isPoisonCandidate: job.crashes > 1, at: performance.now() });
  }

  /** @returns whether another poison candidate may start now */
  ended(job: Job): boolean {
    return this.#begun.size > 0 && this.#begun.delete(job);
  }

  /** How many jobs that were lost twice may start. */
  poisonCandidateSlots(): 0 | 1 {
    return this.#count({ isPoisonCandidate: true }) === 0 ? 1 : 0;
  }

  /** How many jobs that were lost once are on probation. */
  lostOnce(): number {
    return this.#count({ isPoisonCandidate: false });
  }

  #count({ isPoisonCandidate }: { readonly isPoisonCandidate: boolean }): number {
    if (this.#begun.size === 0) return 0;
    const since = performance.now() - PROBATION_MS;
    let count = 0;
    for (const begun of this.#begun.values())
      if (begun.isPoisonCandidate === isPoisonCandidate && begun.at > since) count += 1;
    return count;
  }
}
