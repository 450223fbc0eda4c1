/**
 * Hands outcomes to the recorder that their owners have not recorded in time: those of a dead replica, and those of
 * this replica that did not fit into its buffer while Postgres was away. It fills the recorder only up to its low mark:
 * at the high mark, this replica would claim no jobs while a long outbox drains.
 */
import { Periodic } from "../concurrency/periodic.ts";
import { outcomeOf } from "../core/attempt-record.ts";
import type { Job, Outcome } from "../core/job.ts";
import { CodedError } from "../errors.ts";
import type { ResolveReferences } from "../execute/resolve-references.ts";
import type { Queue } from "../queue/queue.ts";
import { OUTBOX_OWNED_MS } from "../queue/settlement.ts";

const PERIOD_MS = 2_000;
/** The delay of the next sweep if the recorder had no room for all: the time of one or two COPYs. */
const SOON_MS = 100;
const LIMIT = 500;
/** Outcomes in the first call. Their sizes are unknown, and each may have many MiB. */
const FIRST_LIMIT = 10;
/**
 * After an outage of Postgres, every replica first writes the outcomes in its own buffer; an earlier sweep would only
 * find the same ones.
 */
const SETTLING_MS = 5_000;

export interface SweepOptions {
  readonly queue: Pick<Queue, "sweep">;
  readonly recorder: {
    readonly isHealthy: boolean;
    readonly room: { readonly outcomes: number; readonly chars: number };
    add(outcomes: readonly Outcome[]): void;
  };
  /** Resolves the references in a payload, which Redis stores as it was submitted. */
  readonly resolve?: ResolveReferences;
  readonly onSwept: (outcomes: number) => void;
  /** Called for a job in the outbox without an outcome, which cannot be recorded. */
  readonly onUnreadable: (job: Job) => void;
  readonly onError: (error: unknown) => void;
}

export class Sweep {
  readonly #options: SweepOptions;
  readonly #sweeps: Periodic;
  #unhealthyAt = Number.NEGATIVE_INFINITY;

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#sweeps = new Periodic({
      task: async (signal) => ((await this.#sweep(signal)) ? SOON_MS : undefined),
      periodMs: PERIOD_MS,
      jitter: 0.1,
      onError: options.onError,
    });
  }

  start(): void {
    this.#sweeps.start();
  }

  /** Resolves when the current sweep has ended. Idempotent. */
  close(): Promise<void> {
    return this.#sweeps.close();
  }

  /** Resolves to whether overdue outcomes remain because the recorder had no room for them. */
  async #sweep(signal: AbortSignal): Promise<boolean> {
    const { recorder, onSwept } = this.#options;
    if (!recorder.isHealthy) this.#unhealthyAt = performance.now();
    const swept = { outcomes: 0, chars: 0 };
    try {
      while (recorder.isHealthy && !signal.aborted && performance.now() - this.#unhealthyAt > SETTLING_MS) {
        const { outcomes, chars } = recorder.room;
        if (outcomes === 0 || chars === 0) return true;
        const fitting =
          swept.outcomes === 0
            ? FIRST_LIMIT
            : Math.max(1, Math.floor((chars * swept.outcomes) / Math.max(1, swept.chars)));
        if (!(await this.#take(Math.min(LIMIT, outcomes, fitting), swept))) return false;
      }
    } finally {
      if (swept.outcomes > 0) onSwept(swept.outcomes);
    }
    return false;
  }

  /**
   * Hands up to `limit` outcomes to the recorder, and counts them in `swept`. Resolves to whether there may be more.
   */
  async #take(limit: number, swept: { outcomes: number; chars: number }): Promise<boolean> {
    const { queue, recorder, onUnreadable } = this.#options;
    const jobs = await queue.sweep(OUTBOX_OWNED_MS, limit);
    const outcomes: Outcome[] = [];
    for (const job of jobs) {
      const outcome = outcomeOf(job);
      if (!outcome) onUnreadable(job);
      else if (job.options.flow?.refs) outcomes.push(...(await this.#withPayload(outcome)));
      else outcomes.push(outcome);
    }
    const before = recorder.room.chars;
    recorder.add(outcomes);
    swept.chars += before - recorder.room.chars;
    swept.outcomes += outcomes.length;
    return jobs.length > 0; // Redis may return fewer than `limit` if they are large
  }

  /** With the payload that ran, unless the results that it refers to are gone; none if that is not known now. */
  async #withPayload(outcome: Outcome): Promise<readonly Outcome[]> {
    const { resolve, onError } = this.#options;
    if (!resolve || outcome.startedAt === null) return [outcome];
    try {
      const resolution = await resolve(outcome.job);
      return ["job" in resolution ? { ...outcome, job: resolution.job } : outcome];
    } catch (error) {
      onError(error);
      return error instanceof CodedError ? [] : [outcome];
    }
  }
}
