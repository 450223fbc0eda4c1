/**
 * A task that runs at regular intervals, one run at a time.
 *
 *   stopped ──start──▶ waiting ──the period, or runNow──▶ running ──▶ waiting ─▶ …
 *      ▲────── stop ──────┴───────────────────────────────────┘
 *   close, from any state: no further run; the signal of the run under way is aborted, and close resolves when that run has ended.
 */

export interface PeriodicOptions {
  /**
   * One run. It may return after how many milliseconds the next run is to begin, instead of the period.
   * @param signal is aborted when the task is closed
   */
  readonly task: (signal: AbortSignal) => Promise<number | undefined> | Promise<void>;
  /** From the begin of a run to that of the next. A run that takes longer skips the begins that it overlaps. */
  readonly periodMs: number;
  /**
   * Each wait is longer or shorter by up to this share of it, so that replicas that started together do not run
   * together. Default: 0.
   */
  readonly jitter?: number;
  /** A run rejected. The next run follows all the same. Not called once the task is closed. */
  readonly onError: (error: unknown) => void;
}

export class Periodic {
  readonly #options: PeriodicOptions;
  /** Made with the first run: most short-lived tasks never come to one. */
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

  /** No further run until the next `start`. The run under way goes on. */
  stop(): void {
    this.#isStarted = false;
    clearTimeout(this.#timer);
  }

  /**
   * Runs at once, started or not. While a run is under way, one more follows it, however often this is called: the task
   * sees whatever the caller changed before. Resolves when that run has ended, well or not; at once if the task is
   * closed.
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

  /** {@link runNow}, for a caller who does not wait for the run. */
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
