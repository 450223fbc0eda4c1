/**
 * Commits the jobs of schedules that have durability `postgres`, and enqueues them, and jobs of doubtful ticks
 * (doubtful-ticks.ts). The decision to fire them is made already, so each is tried until Postgres takes it, by whichever
 * replica gets it from Redis.
 *
 *   taken ──acceptance log──▶ committed ─▶ no row in `jobs` ─▶ enqueued, unless Redis has it
 *
 * No job runs twice: a restore, or an earlier try, may have enqueued it, and Redis forgets a job only after its row is
 * committed.
 */
import { at } from "../../core/at.ts";
import type { Queue } from "../../queue/queue.ts";
import type { ScheduleJob } from "../../queue/schedules.ts";
import type { AcceptanceLogWriter, Accepted } from "../../results/acceptance-log/writer.ts";
import type { TickJobId } from "../../results/schedules/schedule-store.ts";
import type { Store } from "../../results/store.ts";
import type { DoubtfulTicks } from "./doubtful-ticks.ts";

/** Redis rejects a job if its row was looked for longer ago. */
const FRESH_MS = 5_000;
/** Batches under way. While Postgres is away, further ones stay in Redis until they are taken again. */
const MAX_BATCHES = 4;

export interface DurableJobsParts {
  readonly queue: Pick<Queue, "schedules" | "clock">;
  readonly acceptanceLogWriter: Pick<AcceptanceLogWriter, "accept">;
  readonly store: Pick<Store, "among">;
  /** The ids of those jobs whose tick has a run in Postgres that has no job, or another one. */
  readonly decidedOtherwise: (jobs: readonly TickJobId[]) => Promise<ReadonlySet<string>>;
  readonly onError: (error: unknown) => void;
}

export class DurableJobs {
  readonly #parts: DurableJobsParts;
  readonly #doubtful: Pick<DoubtfulTicks, "has">;
  readonly #batches = new Set<Promise<void>>();

  constructor(parts: DurableJobsParts, doubtful: Pick<DoubtfulTicks, "has">) {
    this.#parts = parts;
    this.#doubtful = doubtful;
  }

  /** Does not wait for Postgres: the ticks of other schedules must not. */
  fire(jobs: readonly ScheduleJob[]): void {
    if (jobs.length === 0 || this.#batches.size >= MAX_BATCHES) return;
    const batch = this.#fire(jobs)
      .catch(this.#parts.onError)
      .finally(() => this.#batches.delete(batch));
    this.#batches.add(batch);
  }

  /** Resolves when the batches under way have ended. */
  async close(): Promise<void> {
    await Promise.all(this.#batches);
  }

  async #fire(jobs: readonly ScheduleJob[]): Promise<void> {
    const { queue, store } = this.#parts;
    const otherwise = await this.#decidedOtherwise(jobs);
    const wanted = jobs.filter(({ id }) => !otherwise.has(id));
    const answers = await Promise.all(wanted.map((job) => this.#commit(job)));
    const answered = jobs.filter(({ id }) => otherwise.has(id));
    answered.push(...wanted.filter((_, i) => at(answers, i).kind !== "failed"));
    if (answered.length > 0) {
      const notAfter = queue.clock.now() + FRESH_MS;
      const recorded = await store.among(answered.map(({ id }) => id));
      await queue.schedules.fire(
        answered.map((job) => ({ ...job, isRecorded: recorded.has(job.id) || otherwise.has(job.id) })),
        notAfter,
      );
    }
    const failure = answers.find((answer) => answer.kind === "failed");
    if (failure) throw failure.error;
  }

  /** Asked before the commit: the restore enqueues what is committed. */
  async #decidedOtherwise(jobs: readonly ScheduleJob[]): Promise<ReadonlySet<string>> {
    const doubtful = jobs.flatMap(({ id, submission: { options } }) =>
      options.schedule && this.#doubtful.has(options.schedule.tick) ? [{ ...options.schedule, id }] : [],
    );
    return doubtful.length === 0 ? new Set() : this.#parts.decidedOtherwise(doubtful);
  }

  #commit(job: ScheduleJob): Promise<Accepted> {
    if (job.submission.options.durability !== "postgres") return Promise.resolve({ kind: "committed" });
    return new Promise((resolve) => this.#parts.acceptanceLogWriter.accept({ jobs: [job] }, resolve));
  }
}
