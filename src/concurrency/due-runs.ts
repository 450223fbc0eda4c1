/**
 * Runs a task whenever something is due, one run at a time.
 *
 *   idle ──wakeAt──▶ waiting ──its time──▶ running ──▶ waiting for the next time ─▶ idle, once nothing is due
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Periodic } from "./periodic.ts";

/** The pause after a failed run. */
const RETRY_MS = 1_000;
/**
 * The longest wait. The sweep, from which a replica learns of what others have left, rests while Postgres is away.
 */
const LONGEST_WAIT_MS = 10_000;

export interface DueRunsOptions {
  /**
   * Does what is due.
   * @param signal aborts when the runs are closed
   * @returns when something is due next, epoch ms; Infinity for never
   */
  readonly run: (signal: AbortSignal) => Promise<number>;
  /** The clock of these times. */
  readonly clock: { now(): number };
  /** Called when a run rejects; the next run still follows. */
  readonly onError: (error: unknown) => void;
}

export class DueRuns {
  readonly #options: DueRunsOptions;
  readonly #runs: Periodic;
  #timer: NodeJS.Timeout | undefined;
  /** Epoch ms: the time of the timer. */
  #timerAt = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(options: DueRunsOptions) {
    this.#options = options;
    this.#runs = new Periodic({
      task: (signal) => this.#runAll(signal),
      periodMs: RETRY_MS,
      onError: options.onError,
    });
  }

  /** Runs at once. */
  start(): void {
    this.#runs.start();
    this.#runs.wake();
  }

  /** Runs at `dueAt`, epoch ms, at the latest. */
  wakeAt(dueAt: number): void {
    if (this.#isClosed || dueAt >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = dueAt;
    const waitMs = Math.min(LONGEST_WAIT_MS, Math.max(0, dueAt - this.#options.clock.now()));
    this.#timer = setTimeout(() => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.start();
    }, waitMs);
  }

  /** Resolves when the current run has ended. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#runs.close();
  }

  /** Runs until nothing is due. @returns ms until the next run */
  async #runAll(signal: AbortSignal): Promise<number | undefined> {
    const { run, clock } = this.#options;
    for (;;) {
      const next = await run(signal);
      if (signal.aborted) return undefined;
      if (next === Number.POSITIVE_INFINITY) {
        this.#runs.stop(); // until the next `wakeAt`
        return undefined;
      }
      const waitMs = next - clock.now();
      if (waitMs > 0) return Math.min(LONGEST_WAIT_MS, Math.max(1, waitMs));
      await nextTurn(); // other work of this replica goes on meanwhile
    }
  }
}
