/**
 * Puts back jobs that Redis has lost and that Postgres had committed before (`durability: postgres`). One replica of a
 * namespace, the leader, looks through the acceptance log by rising ids:
 *
 *   no row in `jobs` ─▶ not in Redis ─▶ still no row in `jobs` ─▶ enqueue, by the same id
 *
 * In this order no job runs twice. Redis forgets a job only after its row is committed, so a job that is in neither was
 * lost, or has never been in Redis. It cannot get into Redis meanwhile:
 *  - the replica that accepted it no longer sends it: the restore examines only ids that are too old for that (`underWayMs`);
 *  - this or another leader does not send it late: data read from Postgres is sent within `freshMs` or not at all, and Redis rejects an
 *    enqueue that took longer than `enqueueMs` (its `not_after`). The restore waits for that time after an enqueue whose outcome is
 *    unknown; a new leader waits for both times before its first.
 *
 * Each id is examined once, 60 s after it was made (later if a submission may take longer). All ids are examined again
 * when Redis may have lost some: after it was restarted (perhaps from an old file), or when it does not have the
 * generation that Postgres remembers. In the latter case it came back empty or is another Redis, and the restore does
 * not wait for the 60 s. If the clock of Redis goes back, the restore goes back with it.
 *
 * The counts in Redis were lost together with the jobs. A job that is put back is counted as accepted again, by the
 * ordinary enqueue, and as recorded when it is recorded; a job that was recorded before the loss is in neither count.
 * So the counts balance again at once.
 */
import { randomUUID } from "node:crypto";
import { Periodic } from "../../concurrency/periodic.ts";
import { LOWEST_ID, lowestIdAt } from "../../core/id.ts";
import { enqueued } from "../../queue/enqueued.ts";
import type { Queue } from "../../queue/queue.ts";
import {
  type AcceptanceLogReader,
  type AcceptedJob,
  SETTLED_MS,
  type Unrecorded,
} from "../../results/acceptance-log/reader.ts";
import { FutureIds } from "../../worker/future-ids.ts";

/** Between two runs. An emptied Redis is noticed within this time. */
const PERIOD_MS = 3_000;
/** Between two tries to lead while another replica leads. */
const FOLLOWER_PERIOD_MS = 5_000;
/**
 * Ids up to LATE_MS old are examined again every LATE_PERIOD_MS: a COPY that hung in Postgres may be committed late.
 */
const LATE_MS = 1_200_000;
const LATE_PERIOD_MS = 600_000;
const PAGE = 1_000;
/**
 * Data read from Postgres longer ago is not enqueued: this process may have been frozen since, and another one leads
 * (postgres/leader.ts).
 */
const FRESH_MS = 8_000;
/** Submissions in memory at once. */
const MAX_BYTES = 4 * 1024 * 1024;

export interface RestoreOptions {
  readonly queue: Pick<Queue, "clock" | "installation" | "missing" | "enqueue">;
  readonly acceptanceLog: Pick<
    AcceptanceLogReader,
    "lead" | "unrecorded" | "read" | "generation" | "setGeneration" | "close"
  >;
  /** Up to this age of an id, the replica that accepted the job may still send it to Redis. */
  readonly underWayMs: number;
  /** How long an enqueue may take before Redis rejects it. */
  readonly enqueueMs: number;
  /** How old data read from Postgres may be when it is sent to Redis. */
  readonly freshMs?: number;
  /** Redis came back without its jobs, or is another Redis. */
  readonly onEmptied: () => void;
  readonly onRestored: (jobs: number) => void;
  readonly onError: (error: unknown) => void;
  readonly periodMs?: number;
  /** How long Postgres must have had an id that lies in the future. */
  readonly settledMs?: number;
}

export class Restore {
  readonly #options: RestoreOptions;
  readonly #runs: Periodic;
  #lastReason: string | undefined;
  /** All ids below this one were examined. */
  #examinedBelow = LOWEST_ID;
  /** By `performance.now()`: when late ids were last examined. */
  #lateAt = Number.NEGATIVE_INFINITY;
  /** By `performance.now()`: nothing is enqueued before. */
  #quietUntil = 0;
  #runId: string | undefined;
  /** The generation that Postgres remembers: of the Redis that has every job committed before Postgres recorded it. */
  #known: string | undefined;
  /**
   * A generation of Redis that Postgres does not know, since Redis came back empty or is another one; and when this
   * replica saw it, by `performance.now()`.
   */
  #emptied: { readonly generation: string; readonly seenAt: number } | undefined;
  readonly #future: FutureIds;

  constructor(options: RestoreOptions) {
    this.#options = options;
    this.#runs = new Periodic({
      task: (signal) => this.#run(signal),
      periodMs: options.periodMs ?? PERIOD_MS,
      jitter: 0.1,
      onError: (error) => this.#report(error),
    });
    this.#future = new FutureIds({ settledMs: Math.max(SETTLED_MS, options.underWayMs), ...options });
  }

  /** The first run begins at once. */
  start(): void {
    this.#runs.start();
    this.#runs.wake();
  }

  /** Ends the current run, and stops leading. Idempotent. */
  async close(): Promise<void> {
    const closing = this.#runs.close();
    this.#options.acceptanceLog.close();
    await closing;
  }

  async #run(signal: AbortSignal): Promise<number | undefined> {
    const { acceptanceLog, periodMs = PERIOD_MS } = this.#options;
    const lead = await acceptanceLog.lead();
    if (lead === "new") await this.#begin();
    if (lead !== "no") await this.#examine(signal);
    this.#lastReason = undefined;
    return lead === "no" ? Math.max(periodMs, FOLLOWER_PERIOD_MS) : undefined;
  }

  /** Reports each reason once, since every run fails while it lasts. */
  #report(error: unknown): void {
    const reason = String(error);
    if (reason !== this.#lastReason) this.#options.onError(error);
    this.#lastReason = reason;
  }

  async #begin(): Promise<void> {
    // the previous leader may not know yet that it no longer leads
    this.#keepQuiet(this.#freshMs + this.#options.enqueueMs);
    this.#examinedBelow = LOWEST_ID;
    this.#emptied = undefined;
    this.#future.reset();
    this.#known = await this.#options.acceptanceLog.generation();
  }

  get #freshMs(): number {
    return this.#options.freshMs ?? FRESH_MS;
  }

  #keepQuiet(ms: number): void {
    this.#quietUntil = performance.now() + ms;
  }

  async #examine(signal: AbortSignal): Promise<void> {
    const { queue, acceptanceLog, underWayMs } = this.#options;
    await this.#examineRedis();
    if (performance.now() < this.#quietUntil) return;
    const now = queue.clock.now();
    // correct even if the clock was set since
    const at = this.#emptied ? now - (performance.now() - this.#emptied.seenAt) : 0;
    const end = lowestIdAt(Math.max(now - Math.max(SETTLED_MS, underWayMs), Math.min(at, now - underWayMs)));
    if (performance.now() - this.#lateAt > LATE_PERIOD_MS || this.#examinedBelow > end) {
      this.#lateAt = performance.now();
      const late = lowestIdAt(now - LATE_MS);
      if (late < this.#examinedBelow) this.#examinedBelow = late;
    }
    await this.#restoreBelow(end, signal);
    await this.#restore(await this.#future.settled(now));
    if (!this.#emptied || at > now - underWayMs || signal.aborted) return;
    await acceptanceLog.setGeneration(this.#emptied.generation); // every lost job is back
    this.#known = this.#emptied.generation;
    this.#emptied = undefined;
  }

  async #examineRedis(): Promise<void> {
    const { queue, onEmptied } = this.#options;
    const { generation, runId } = await queue.installation.generation(randomUUID());
    if (this.#runId !== runId) this.#examinedBelow = LOWEST_ID;
    this.#runId = runId;
    if (generation === (this.#emptied?.generation ?? this.#known)) return;
    this.#examinedBelow = LOWEST_ID;
    this.#emptied = { generation, seenAt: performance.now() };
    // Without a known generation the restore cannot decide whether Redis has lost jobs.
    if (this.#known !== undefined) onEmptied();
  }

  async #restoreBelow(end: string, signal: AbortSignal): Promise<void> {
    while (this.#examinedBelow < end && !signal.aborted) {
      const { last, jobs } = await this.#options.acceptanceLog.unrecorded(this.#examinedBelow, end, PAGE);
      await this.#restore(jobs);
      this.#examinedBelow = last ?? end;
    }
  }

  async #restore(jobs: Unrecorded["jobs"]): Promise<void> {
    const { queue, acceptanceLog, onRestored } = this.#options;
    const missing = new Set(await queue.missing(jobs.map(({ id }) => id)));
    let count = 0;
    for (const ids of chunks(jobs.filter(({ id }) => missing.has(id)))) {
      const sendBy = queue.clock.now() + this.#freshMs;
      const lost = await acceptanceLog.read(ids);
      await this.#enqueue(lost, sendBy);
      count += lost.length;
    }
    if (count > 0) onRestored(count);
  }

  /** Enqueues each job separately: Redis may still have some jobs of a batch. */
  async #enqueue(lost: readonly AcceptedJob[], sendBy: number): Promise<void> {
    const answers = await Promise.allSettled(
      lost.map(({ id, submission }) => enqueued(this.#options.queue, { ids: [id], submissions: [submission], sendBy })),
    );
    const failure = answers.find((answer) => answer.status === "rejected");
    if (!failure) return;
    this.#keepQuiet(this.#options.enqueueMs);
    throw failure.reason;
  }
}

/** The ids, in chunks whose submissions fit into memory. */
function chunks(jobs: Unrecorded["jobs"]): string[][] {
  const all: string[][] = [];
  let bytes = MAX_BYTES;
  for (const job of jobs) {
    if (bytes >= MAX_BYTES) {
      all.push([]);
      bytes = 0;
    }
    all.at(-1)?.push(job.id);
    bytes += job.bytes;
  }
  return all;
}
