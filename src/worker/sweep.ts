/**
 * Brings outcomes to the recorder that their owners have not recorded in time: a dead replica's, and this one's own that
 * did not fit into its buffer while Postgres was away. They take only the room below the recorder's low mark: at its high
 * mark, this replica would claim no jobs for as long as a long outbox drains.
 */

import { outcomeOf } from "../core/attempt-record.ts";
import type { Job, Outcome } from "../core/job.ts";
import type { Queue } from "../queue/queue.ts";
import { OUTBOX_OWNED_MS } from "./settler.ts";

const PERIOD_MS = 2_000;
/** Until the next sweep where there was no room for all: a COPY or two later. */
const SOON_MS = 100;
const LIMIT = 500;
/** Outcomes of the first call, whose sizes are not known: each may have many MiB. */
const FIRST_LIMIT = 10;
/** After Postgres came back every replica first writes what it holds itself; sweeping earlier would only find the same outcomes. */
const SETTLING_MS = 5_000;

export interface SweepOptions {
  readonly queue: Pick<Queue, "sweep">;
  readonly recorder: {
    readonly isHealthy: boolean;
    readonly room: { readonly outcomes: number; readonly chars: number };
    add(outcomes: readonly Outcome[]): void;
  };
  readonly onSwept: (outcomes: number) => void;
  /** A job stands in the outbox without an outcome: it can only be reported. */
  readonly onUnreadable: (job: Job) => void;
  readonly onError: (error: unknown) => void;
}

export class Sweep {
  readonly #options: SweepOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;
  #unhealthyAt = Number.NEGATIVE_INFINITY;

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#timer === undefined) this.#schedule(PERIOD_MS);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(ms: number): void {
    const spread = 0.9 + Math.random() / 5; // replicas that started together do not sweep together
    this.#timer = setTimeout(() => {
      this.#running = this.#sweep().then((isMoreLeft) => {
        if (!this.#isClosed) this.#schedule(isMoreLeft ? SOON_MS : PERIOD_MS);
      });
    }, ms * spread);
  }

  /** Resolves to whether the recorder had no room for all that is overdue. */
  async #sweep(): Promise<boolean> {
    const { recorder, onSwept, onError } = this.#options;
    if (!recorder.isHealthy) this.#unhealthyAt = performance.now();
    const swept = { outcomes: 0, chars: 0 };
    try {
      while (recorder.isHealthy && !this.#isClosed && performance.now() - this.#unhealthyAt > SETTLING_MS) {
        const { outcomes, chars } = recorder.room;
        if (outcomes === 0 || chars === 0) return true;
        const fitting =
          swept.outcomes === 0
            ? FIRST_LIMIT
            : Math.max(1, Math.floor((chars * swept.outcomes) / Math.max(1, swept.chars)));
        if (!(await this.#take(Math.min(LIMIT, outcomes, fitting), swept))) return false;
      }
    } catch (error) {
      onError(error);
    } finally {
      if (swept.outcomes > 0) onSwept(swept.outcomes);
    }
    return false;
  }

  /** Brings up to `limit` outcomes to the recorder, and counts them in `swept`. Resolves to whether there may be more. */
  async #take(limit: number, swept: { outcomes: number; chars: number }): Promise<boolean> {
    const { queue, recorder, onUnreadable } = this.#options;
    const jobs = await queue.sweep(OUTBOX_OWNED_MS, limit);
    const outcomes: Outcome[] = [];
    for (const job of jobs) {
      const outcome = outcomeOf(job);
      if (outcome) outcomes.push(outcome);
      else onUnreadable(job);
    }
    const before = recorder.room.chars;
    recorder.add(outcomes);
    swept.chars += before - recorder.room.chars;
    swept.outcomes += outcomes.length;
    return jobs.length > 0; // Redis may give fewer than are asked for, where they are large
  }
}
