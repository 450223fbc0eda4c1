/**
 * Fires the ticks of schedules. Every replica of any role has a ticker, and none leads: Redis gives each schedule that
 * is due to one of them, and a decision applies only while nobody else has decided (queue/schedules.ts).
 *
 *   idle ──a schedule exists──▶ waiting ──its time──▶ take ─▶ decide ─▶ advance ─▶ waiting
 *
 * A ticker learns of the next time from each take, from the sweep of the outbox, and from changes on its own replica.
 * Without schedules it sends no command.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Periodic } from "../../concurrency/periodic.ts";
import type { Taken } from "../../queue/schedules.ts";
import type { DoubtfulTicksParts } from "./doubtful-ticks.ts";
import { DoubtfulTicks } from "./doubtful-ticks.ts";
import type { DurableJobsParts } from "./durable-jobs.ts";
import { DurableJobs } from "./durable-jobs.ts";
import type { Decided, TickDecisionsParts } from "./tick-decisions.ts";
import { TickDecisions } from "./tick-decisions.ts";

/** The pause after a failed run. */
const RETRY_MS = 1_000;
/**
 * The longest wait. The sweep, from which a replica learns of schedules that others have changed, rests while Postgres
 * is away.
 */
const LONGEST_WAIT_MS = 10_000;

export type TickerOptions = TickDecisionsParts & DurableJobsParts & DoubtfulTicksParts;

export class Ticker {
  readonly #options: TickerOptions;
  readonly #runs: Periodic;
  readonly #doubtful: DoubtfulTicks;
  readonly #decisions: TickDecisions;
  readonly #durable: DurableJobs;
  #timer: NodeJS.Timeout | undefined;
  /** Epoch ms: the time of the timer. */
  #timerAt = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(options: TickerOptions) {
    this.#options = options;
    this.#doubtful = new DoubtfulTicks(options);
    this.#decisions = new TickDecisions(options, this.#doubtful);
    this.#durable = new DurableJobs(options, this.#doubtful);
    this.#runs = new Periodic({ task: (signal) => this.#run(signal), periodMs: RETRY_MS, onError: options.onError });
  }

  /** Subscribes to the times of schedules, and looks for due ones at once. */
  start(): void {
    this.#options.queue.schedules.listen({ onNext: (lookAt) => this.#arm(lookAt) });
    this.#runs.start();
    this.#runs.wake();
  }

  /** Resolves when the current run, and the commits under way, have ended. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#runs.close();
    await this.#durable.close();
  }

  /** Looks at the schedules at `lookAt`, epoch ms, at the latest. */
  #arm(lookAt: number): void {
    if (this.#isClosed || lookAt >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = lookAt;
    const waitMs = Math.min(LONGEST_WAIT_MS, Math.max(0, lookAt - this.#options.queue.clock.now()));
    this.#timer = setTimeout(() => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#runs.start();
      this.#runs.wake();
    }, waitMs);
  }

  /** Decides all that is due. @returns ms until the next run */
  async #run(signal: AbortSignal): Promise<number | undefined> {
    const { queue } = this.#options;
    for (;;) {
      const next = await this.#decideDue(signal);
      if (signal.aborted) return undefined;
      if (next === Number.POSITIVE_INFINITY) {
        this.#runs.stop(); // until somebody changes a schedule
        return undefined;
      }
      const waitMs = next - queue.clock.now();
      if (waitMs > 0) return Math.min(LONGEST_WAIT_MS, Math.max(1, waitMs));
      await nextTurn(); // other work of this replica goes on meanwhile
    }
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
