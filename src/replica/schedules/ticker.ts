/**
 * Fires the ticks of schedules. Every replica of any role has a ticker, and none leads: Redis gives each schedule that
 * is due to one of them, and a decision applies only while nobody else has decided (queue/schedules.ts).
 *
 *   idle ──a schedule exists──▶ waiting ──its time──▶ take ─▶ decide ─▶ advance ─▶ waiting
 *
 * A ticker learns of the next time from each take, from the sweep of the outbox, and from changes on its own replica.
 * Without schedules it sends no command.
 */
import { DueRuns } from "../../concurrency/due-runs.ts";
import type { Taken } from "../../queue/schedules.ts";
import type { DoubtfulTicksParts } from "./doubtful-ticks.ts";
import { DoubtfulTicks } from "./doubtful-ticks.ts";
import type { DurableJobsParts } from "./durable-jobs.ts";
import { DurableJobs } from "./durable-jobs.ts";
import type { Decided, TickDecisionsParts } from "./tick-decisions.ts";
import { TickDecisions } from "./tick-decisions.ts";

export type TickerOptions = TickDecisionsParts & DurableJobsParts & DoubtfulTicksParts;

export class Ticker {
  readonly #options: TickerOptions;
  readonly #runs: DueRuns;
  readonly #doubtful: DoubtfulTicks;
  readonly #decisions: TickDecisions;
  readonly #durable: DurableJobs;

  constructor(options: TickerOptions) {
    this.#options = options;
    this.#doubtful = new DoubtfulTicks(options);
    this.#decisions = new TickDecisions(options, this.#doubtful);
    this.#durable = new DurableJobs(options, this.#doubtful);
    const { queue, onError } = options;
    this.#runs = new DueRuns({ run: (signal) => this.#decideDue(signal), clock: queue.clock, onError });
  }

  /** Subscribes to the times of schedules, and looks for due ones at once. */
  start(): void {
    this.#options.queue.schedules.listen({ onNext: (lookAt) => this.#runs.wakeAt(lookAt) });
    this.#runs.start();
  }

  /** Resolves when the current run, and the commits under way, have ended. Idempotent. */
  async close(): Promise<void> {
    await this.#runs.close();
    await this.#durable.close();
  }

  /**
   * Decides one batch after the other. Meanwhile, the decisions about the batch before are applied, and the next batch is
   * taken: no schedule is in two of them.
   * @returns epoch ms: when somebody must look next
   */
  async #decideDue(signal: AbortSignal): Promise<number> {
    const { schedules } = this.#options.queue;
    let taken = await schedules.take();
    let next = Number.POSITIVE_INFINITY;
    let applying = Promise.resolve(next);
    try {
      for (;;) {
        await this.#doubtful.learn(taken);
        this.#durable.fire(taken.jobs);
        const isMoreDue = taken.next !== null && taken.next <= taken.now;
        const following = isMoreDue && !signal.aborted ? schedules.take() : undefined;
        following?.catch(() => undefined); // it is thrown below, after the decisions
        const decided = await this.#decisions.decide(taken);
        next = Math.min(next, await applying);
        applying = this.#apply(decided, taken);
        if (!following) return Math.min(next, await applying, taken.next ?? Number.POSITIVE_INFINITY);
        taken = await following;
      }
    } finally {
      await applying; // a closed ticker sends nothing
    }
  }

  /** As {@link TickDecisions.apply}. A batch that fails is taken again, by any replica, when its time is over. */
  async #apply(decided: readonly Decided[], taken: Taken): Promise<number> {
    try {
      return await this.#decisions.apply(decided, taken);
    } catch (error) {
      this.#options.onError(error);
      return Number.POSITIVE_INFINITY;
    }
  }
}
