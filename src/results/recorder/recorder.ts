/**
 * Writes outcomes into Postgres: the last step of a job's life before Redis may forget it.
 *
 *   add ─▶ backlog ─▶ one batch in COPY ─▶ committed ─▶ onRecorded
 *             ▲            │ Postgres away: the same batch again, with growing delays, until it is committed
 *             └────────────┘
 *
 * The recorder sends the outcomes that it has; those that arrive meanwhile make the next batch. Under load, a batch
 * waits a moment longer, which delays no caller: Redis answers reads and waits. Each outcome is also in the outbox of
 * Redis, so the recorder may drop outcomes that it has no room for, and may record one twice, but must never call
 * `onRecorded` for an outcome that is not committed.
 */

import { setTimeout as delay } from "node:timers/promises";
import { linger } from "../../concurrency/linger.ts";
import { delayAfter, exponential } from "../../core/backoff.ts";
import type { Outcome } from "../../core/job.ts";
import { isLarge, largePayload } from "../../core/payload.ts";
import { DAY_MS } from "../../core/time.ts";
import { reasonOf } from "../../observability/reason.ts";
import { dayOf } from "../partitions.ts";
import { Backlog } from "./backlog.ts";
import { type RecorderLog, recordBatch } from "./batch.ts";
import { RecorderConnection } from "./connection.ts";

interface RecorderHooks {
  /** Called after the commit of a batch, with its rows and the seconds since its first try. */
  readonly batch?: (rows: number, seconds: number) => void;
  /** Called with the number of outcomes dropped for lack of room. The outbox has them, and a sweep reads them again. */
  readonly dropped?: (outcomes: number) => void;
  /** {@link Recorder.shouldPause} is no longer true: producers may continue. */
  readonly released?: () => void;
}

export interface RecorderOptions {
  readonly databaseUrl: string;
  /** The id of this replica, under which the history counts what it records. Default: a random one. */
  readonly writer?: string;
  /** Rows of one COPY at most. */
  readonly maxRows: number;
  /** The number of outcomes in memory from which `isFull` is true, and the number at which it no longer is. */
  readonly highMark: number;
  readonly lowMark: number;
  /** Called after the commit, for one batch at a time; may overlap the COPY of the next. A rejection is logged. */
  readonly onRecorded: (outcomes: readonly Outcome[]) => Promise<void>;
  /** The bytes of a job's large payload; undefined if they are gone, as those of a recorded job are. */
  readonly payload: (id: string, size: number) => Promise<Uint8Array | undefined>;
  readonly log: RecorderLog;
  readonly observe?: RecorderHooks;
  /** How long one COPY may take, in milliseconds (default 30,000). */
  readonly flushTimeoutMs?: number;
}

const RECONNECT = exponential(100, 5_000);
const FLUSH_TIMEOUT_MS = 30_000;
/**
 * Makes some 550 rows a commit under load (bench, end-to-end); without it, steady traffic would make small batches.
 */
const LINGER_MS = 20;

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #backlog: Backlog;
  readonly #connection: RecorderConnection;
  readonly #giveUp = new AbortController();
  #loop: Promise<void> | undefined;
  #forgetting: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #isHealthy = true;
  #latestDay = 0;
  #latestRows = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#backlog = new Backlog(options);
    const { databaseUrl, flushTimeoutMs = FLUSH_TIMEOUT_MS, writer, log } = options;
    this.#connection = new RecorderConnection(databaseUrl, flushTimeoutMs, {
      ...(writer !== undefined && { writer }),
      onLockWait: (wait) => log.warn({}, `outcomes wait for a lock of Postgres: ${wait}`),
    });
  }

  /**
   * Takes outcomes to record, and returns at once. To bound memory, it drops those beyond the high mark while Postgres
   * is away, and those beyond twice the high mark at any time.
   */
  add(outcomes: readonly Outcome[]): void {
    const { highMark, observe } = this.#options;
    const limit = this.#closing ? 0 : this.#isHealthy ? 2 * highMark : highMark;
    const taken = this.#backlog.add(outcomes, limit);
    if (taken < outcomes.length) observe?.dropped?.(outcomes.length - taken);
    if (this.#backlog.size > 0) this.#loop ??= this.#run();
  }

  /** True from the high mark until the low mark. */
  get isFull(): boolean {
    return this.#backlog.isFull;
  }

  /**
   * Whether producers of outcomes should pause. They continue while Postgres is away: the outbox takes their outcomes.
   */
  get shouldPause(): boolean {
    return this.isFull && this.#isHealthy;
  }

  /** The number of outcomes missing to the low mark. */
  get room(): Backlog["room"] {
    return this.#backlog.room;
  }

  /** Whether the last flush succeeded. */
  get isHealthy(): boolean {
    return this.#isHealthy;
  }

  /** Outcomes that wait for a COPY. */
  get size(): number {
    return this.#backlog.size;
  }

  /** Resolves when all added outcomes are recorded, and `onRecorded` has ended for them. */
  async idle(): Promise<void> {
    while (this.#loop) await this.#loop;
    await this.#forgetting;
  }

  /** Records the outcomes in memory for at most `deadlineMs` milliseconds, and stops. The rest stays in the outbox. */
  close(deadlineMs: number): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    const timer = setTimeout(() => {
      this.#giveUp.abort();
      this.#connection.cut();
    }, deadlineMs);
    await this.idle();
    clearTimeout(timer);
    this.#connection.cut();
  }

  async #run(): Promise<void> {
    const { maxRows, observe } = this.#options;
    while (this.#backlog.size > 0 && !this.#giveUp.signal.aborted) {
      const isFullBatch = this.#backlog.size >= maxRows;
      await linger(isFullBatch ? 0 : this.#latestRows, LINGER_MS);
      const wasPausing = this.shouldPause;
      const batch = this.#backlog.take(maxRows);
      if (wasPausing && !this.isFull) observe?.released?.();
      this.#latestRows = batch.length;
      await this.#record(batch);
    }
    this.#loop = undefined;
  }

  async #record(batch: readonly Outcome[]): Promise<void> {
    const startedAt = performance.now();
    const recorded = await this.#untilRecorded(batch);
    if (!recorded) return;
    this.#options.observe?.batch?.(recorded.length, (performance.now() - startedAt) / 1_000);
    await this.#forgetting; // one batch at a time
    this.#forgetting = this.#forget(recorded);
    await this.#makeAhead(batch);
  }

  /** Tries until the batch is committed. Resolves with undefined if the recorder closes first. */
  async #untilRecorded(batch: readonly Outcome[]): Promise<readonly Outcome[] | undefined> {
    const { log, observe } = this.#options;
    const { signal } = this.#giveUp;
    let lastReason: string | undefined;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        const recorded = await recordBatch(this.#connection, await this.#withPayloads(batch), log);
        this.#isHealthy = true;
        if (lastReason !== undefined) log.info({ failures: failures - 1 }, "Postgres takes outcomes again");
        return recorded;
      } catch (error) {
        const wasPausing = this.shouldPause;
        this.#isHealthy = false;
        if (wasPausing) observe?.released?.();
        // Logs each reason once, not for each try: an outage may take hours.
        if (reasonOf(error) !== lastReason)
          log.warn(
            { error: reasonOf(error) },
            "outcomes cannot be recorded: they stay in the outbox until Postgres takes them",
          );
        lastReason = reasonOf(error);
        // Rejects if the recorder closes meanwhile, which the loop's condition checks.
        await delay(delayAfter(failures, RECONNECT, Math.random()), undefined, { signal }).catch(() => undefined);
      }
    }
    return undefined;
  }

  /** The batch with its large payloads, which stay in memory only during its COPY. */
  async #withPayloads(batch: readonly Outcome[]): Promise<readonly Outcome[]> {
    if (!batch.some(({ job }) => isLarge(job.payload))) return batch;
    return Promise.all(
      batch.map(async (outcome) => {
        const { id, payload } = outcome.job;
        if (!isLarge(payload) || payload.data) return outcome;
        const data = await this.#options.payload(id, payload.size);
        return { ...outcome, job: { ...outcome.job, payload: data ? largePayload(data) : "{}" } };
      }),
    );
  }

  async #forget(recorded: readonly Outcome[]): Promise<void> {
    try {
      await this.#options.onRecorded(recorded);
    } catch (error) {
      this.#options.log.error(
        { error: reasonOf(error), outcomes: recorded.length },
        "Redis could not forget recorded outcomes: the sweep tries again",
      );
    }
  }

  /** Creates the next day's partition with the first outcome of a day, to avoid a failed COPY at midnight. */
  async #makeAhead(batch: readonly Outcome[]): Promise<void> {
    const last = batch.at(-1);
    const day = last ? dayOf(last.job.id) : 0;
    if (day <= this.#latestDay) return;
    this.#latestDay = day;
    try {
      await this.#connection.addPartitions([day + DAY_MS]);
    } catch (error) {
      this.#options.log.warn(
        { error: reasonOf(error) },
        "the next day's partition could not be created in advance: the flush that needs it creates it",
      );
    }
  }
}
