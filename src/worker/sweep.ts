/**
 * Brings outcomes to the recorder that their owners have not recorded in time: a dead replica's, and this one's own that
 * did not fit into its buffer while Postgres was away.
 */
import type { Job, Outcome } from "../core/job.ts";
import { outcomeOf } from "../core/wire.ts";
import type { Queue } from "../queue/queue.ts";
import { OUTBOX_OWNED_MS } from "./settler.ts";

const PERIOD_MS = 2_000;
const LIMIT = 500;
/** After Postgres came back every replica first writes what it holds itself; sweeping earlier would only find the same outcomes. */
const SETTLING_MS = 5_000;

export interface SweepOptions {
  readonly queue: Pick<Queue, "sweep">;
  readonly recorder: { readonly isHealthy: boolean; readonly isFull: boolean; add(outcomes: readonly Outcome[]): void };
  readonly onSwept: (outcomes: number) => void;
  /** A job stands in the outbox without an outcome: it can only be reported. */
  readonly onUnreadable: (job: Job) => void;
  readonly onError: (error: unknown) => void;
}

export class Sweep {
  readonly #options: SweepOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #unhealthyAt = Number.NEGATIVE_INFINITY;

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.#running ??= this.#sweep().finally(() => { this.#running = undefined; });
    }, PERIOD_MS * (0.9 + Math.random() / 5)); // replicas that started together do not sweep together
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #sweep(): Promise<void> {
    const { queue, recorder, onSwept, onUnreadable, onError } = this.#options;
    if (!recorder.isHealthy) this.#unhealthyAt = performance.now();
    try {
      while (recorder.isHealthy && !recorder.isFull && performance.now() - this.#unhealthyAt > SETTLING_MS) {
        const jobs = await queue.sweep(OUTBOX_OWNED_MS, LIMIT);
        const outcomes: Outcome[] = [];
        for (const job of jobs) {
          const outcome = outcomeOf(job);
          if (outcome) outcomes.push(outcome);
          else onUnreadable(job);
        }
        if (outcomes.length > 0) {
          recorder.add(outcomes);
          onSwept(outcomes.length);
        }
        if (jobs.length < LIMIT) return;
      }
    } catch (error) {
      onError(error);
    }
  }
}
