/**
 * A task that runs at regular intervals, one run at a time.
 *
 *   stopped ──start──▶ waiting ──the period, or runNow──▶ running ──▶ waiting ─▶ …
 *      ▲────── stop ──────┴───────────────────────────────────┘
 *   close, from any state: no further run; aborts the signal of the current run, and resolves when that run has ended.
 */

export interface PeriodicOptions {
  /**
   * One run. It may return the milliseconds until the next run, instead of the period.
   * @param signal aborts when the task is closed
   */
  readonly task: (signal: AbortSignal) => Promise<number | undefined> | Promise<void>;
  /** The time between the starts of two runs. A run that takes longer skips the starts that it overlaps. */
  readonly periodMs: number;
  /**
   * Varies each wait by up to this share of it, to spread the runs of replicas that started together. Default: 0.
   */
  readonly jitter?: number;
  /** Called when a run rejects; the next run still follows. Not called once the task is closed. */
  readonly onError: (error: unknown) => void;
}

export class Periodic {
  readonly #options: PeriodicOptions;
  /** Created by the first run, which most short-lived tasks never reach. */
  #closing: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #followUp: Promise<void> | undefined;
  #isStarted = false;
  #isClosed = false;

  constructor(options: PeriodicOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** The first run begins after a period; call {@link runNow} for one at once. Does nothing if already started. */
  start(): void {
    if (this.#isStarted || this.#isClosed) return;
    this.#isStarted = true;
    if (!this.#running) this.#plan(this.#options.periodMs);
  }

  /** Prevents further runs until the next `start`. The current run continues. */
  stop(): void {
    this.#isStarted = false;
    clearTimeout(this.#timer);
  }

  /**
   * Runs at once, started or not. During a run, any number of calls cause one more run, which sees all changes that the
   * callers made before. Resolves when that run has ended, even if it rejects; at once if the task is closed.
   */
  runNow(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    if (!this.#running) return this.#run();
    this.#followUp ??= this.#running.then(() => {
      this.#followUp = undefined;
      return this.runNow();
    });
    return this.#followUp;
  }

  /** {@link runNow}, without waiting for the run. */
  wake(): void {
    this.runNow().catch(this.#options.onError);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.stop();
    this.#closing?.abort();
    await this.#running;
  }

  #plan(ms: number): void {
    const spread = 1 + (this.#options.jitter ?? 0) * (2 * Math.random() - 1);
    this.#timer = setTimeout(() => this.wake(), ms * spread);
  }

  #run(): Promise<void> {
    clearTimeout(this.#timer);
    const startedAt = performance.now();
    const { periodMs } = this.#options;
    this.#running = this.#attempt().then((nextInMs) => {
      this.#running = undefined;
      if (this.#isStarted) this.#plan(nextInMs ?? periodMs - ((performance.now() - startedAt) % periodMs));
    });
    return this.#running;
  }

  async #attempt(): Promise<number | undefined> {
    this.#closing ??= new AbortController();
    try {
      const nextInMs: unknown = await this.#options.task(this.#closing.signal);
      return typeof nextInMs === "number" ? nextInMs : undefined;
    } catch (error) {
      if (!this.#isClosed) this.#options.onError(error);
      return undefined;
    }
  }
}
