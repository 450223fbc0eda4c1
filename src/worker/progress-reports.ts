/** Reports the progress of running attempts to Redis, in one call a second for all attempts with new progress. */
import type { Job } from "../core/job.ts";
import type { Attempt } from "../execute/attempt.ts";
import type { Queue } from "../queue/queue.ts";

const PERIOD_MS = 1_000;

export interface ProgressReportsOptions {
  readonly queue: Pick<Queue, "reportProgress">;
  readonly onError: (error: unknown) => void;
}

export class ProgressReports {
  readonly #options: ProgressReportsOptions;
  /** The progress of each attempt that was reported last. */
  readonly #reported = new WeakMap<Attempt, number>();
  #report: Promise<void> | undefined;
  #nextAt = 0;

  constructor(options: ProgressReportsOptions) {
    this.#options = options;
  }

  /** Reports new progress, unless it is too early or a report is in progress. @param now `performance.now()` */
  send(leases: Iterable<{ readonly job: Job; readonly attempt: Attempt | undefined }>, now: number): void {
    if (now < this.#nextAt || this.#report) return;
    const news: { id: string; claimSeq: number; progress: number }[] = [];
    for (const { job, attempt } of leases) {
      if (!attempt || attempt.progress === null || attempt.hasEnded) continue;
      const progress = Math.round(attempt.progress);
      if (this.#reported.get(attempt) === progress) continue;
      this.#reported.set(attempt, progress);
      news.push({ id: job.id, claimSeq: job.claimSeq, progress });
    }
    if (news.length === 0) return;
    this.#nextAt = now + PERIOD_MS;
    this.#report = this.#options.queue
      .reportProgress(news)
      .catch(this.#options.onError) // the next renewal writes the same progress
      .finally(() => {
        this.#report = undefined;
      });
  }

  /** Resolves when no report is in progress. */
  async idle(): Promise<void> {
    await this.#report;
  }
}
