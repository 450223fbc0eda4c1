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
 *
 * Jobs of flows come back with their flows (flow-restore.ts).
 */
import { randomUUID } from "node:crypto";
import { Periodic } from "../../concurrency/periodic.ts";
import { HIGHEST_ID, LOWEST_ID, lowestIdAt } from "../../core/id.ts";
import type { Enqueued, Submitted } from "../../queue/enqueuer.ts";
import type { Queue } from "../../queue/queue.ts";
import {
  type AcceptanceLogReader,
  type AcceptedJob,
  SETTLED_MS,
  type Unrecorded,
} from "../../results/acceptance-log/reader.ts";
import { FutureIds } from "../../worker/future-ids.ts";
import type { FlowRestoreParts } from "./flow-restore.ts";
import { FlowRestore } from "./flow-restore.ts";

/** Between two runs. An emptied Redis is noticed within this time. */
const PERIOD_MS = 3_000;
/** Between two tries to lead while another replica leads. */
const FOLLOWER_PERIOD_MS = 5_000;
/**
 * Ids up to LATE_MS old are examined again every LATE_PERIOD_MS: a COPY that hung in Postgres may be committed late. So
 * are all flows that run.
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
  readonly queue: Pick<Queue, "clock" | "installation" | "missing" | "enqueue"> & FlowRestoreParts["queue"];
  readonly acceptanceLog: Pick<
    AcceptanceLogReader,
    "lead" | "unrecorded" | "read" | "generation" | "setGeneration" | "flows" | "close"
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
  /** Between two examinations of late ids, and of all flows that run. */
  readonly latePeriodMs?: number;
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
  readonly #flows: FlowRestore;
  /** Another replica may have led since this one last began. */
  #isNew = false;

  constructor(options: RestoreOptions) {
    this.#options = options;
    this.#runs = new Periodic({
      task: (signal) => this.#run(signal),
      periodMs: options.periodMs ?? PERIOD_MS,
      jitter: 0.1,
      onError: (error) => this.#report(error),
    });
    this.#flows = new FlowRestore({
      queue: options.queue,
      rows: options.acceptanceLog.flows,
      enqueue: (all) => this.#enqueue(all),
      sendBy: () => this.#sendBy(),
      onRestored: options.onRestored,
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
    const { periodMs = PERIOD_MS } = this.#options;
    const lead = await this.#lead();
    if (lead !== "no" && this.#isNew) await this.#begin();
    if (lead !== "no") await this.#examine(signal);
    this.#lastReason = undefined;
    return lead === "no" ? Math.max(periodMs, FOLLOWER_PERIOD_MS) : undefined;
  }

  async #lead(): Promise<"new" | "leads" | "no"> {
    const lead = await this.#options.acceptanceLog.lead();
    if (lead !== "leads") this.#isNew = true;
    return lead;
  }

  /**
   * The time up to which Redis may get what this run has read.
   * @throws Error if another replica may have led since the run began
   */
  async #sendBy(): Promise<number> {
    const by = this.#options.queue.clock.now() + this.#freshMs;
    if ((await this.#lead()) !== "leads") throw new Error("another replica may lead the restore");
    return by;
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
    this.#flows.reset();
    this.#known = await this.#options.acceptanceLog.generation();
    this.#isNew = false;
  }

  get #freshMs(): number {
    return this.#options.freshMs ?? FRESH_MS;
  }

  #keepQuiet(ms: number): void {
    this.#quietUntil = performance.now() + ms;
  }

  async #examine(signal: AbortSignal): Promise<void> {
    const { queue, acceptanceLog, underWayMs, latePeriodMs = LATE_PERIOD_MS } = this.#options;
    await this.#examineRedis();
    if (performance.now() < this.#quietUntil) return;
    const now = queue.clock.now();
    // correct even if the clock was set since
    const at = this.#emptied ? now - (performance.now() - this.#emptied.seenAt) : 0;
    const end = lowestIdAt(Math.max(now - Math.max(SETTLED_MS, underWayMs), Math.min(at, now - underWayMs)));
    if (performance.now() - this.#lateAt > latePeriodMs || this.#examinedBelow > end) {
      this.#lateAt = performance.now();
      const late = lowestIdAt(now - LATE_MS);
      if (late < this.#examinedBelow) this.#examinedBelow = late;
      // Redis may have lost a flow alone, of any age
      await this.#flows.restoreBetween(LOWEST_ID, this.#examinedBelow, end, signal);
    }
    await this.#flows.restorePostponed(end);
    await this.#restoreBelow(end, signal);
    await this.#restore(await this.#future.settled(now), HIGHEST_ID);
    if (!this.#emptied || at > now - underWayMs || this.#flows.isBehind || signal.aborted) return;
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
      await this.#flows.restoreBetween(this.#examinedBelow, last ?? end, end, signal);
      await this.#restore(jobs, end);
      this.#examinedBelow = last ?? end;
    }
  }

  /** @param end ids below this one are old enough */
  async #restore(jobs: Unrecorded["jobs"], end: string): Promise<void> {
    const { queue, onRestored } = this.#options;
    const missing = new Set(await queue.missing(jobs.map(({ id }) => id)));
    let count = 0;
    for (const ids of chunks(jobs.filter(({ id }) => missing.has(id)))) {
      const lost = await this.#read(ids, end);
      await this.#enqueue(lost);
      count += lost.length;
    }
    if (count > 0) onRestored(count);
  }

  /** The submissions of lost jobs, each separately: Redis may still have some jobs of a batch. */
  async #read(ids: readonly string[], end: string): Promise<Submitted[]> {
    const { queue, acceptanceLog } = this.#options;
    const sendBy = queue.clock.now() + this.#freshMs;
    const submittedOf = ({ id, submission }: AcceptedJob): Submitted => ({
      ids: [id],
      submissions: [submission],
      sendBy,
    });
    const lost = await acceptanceLog.read(ids);
    const members = lost.filter(({ submission }) => submission.options.flow !== undefined);
    if (members.length === 0) return lost.map(submittedOf);
    const asJobs = new Set(await this.#flows.restoreMembers(members, end));
    const others = lost.filter((job) => job.submission.options.flow === undefined || asJobs.has(job));
    return others.map(submittedOf);
  }

  async #enqueue(all: readonly Submitted[]): Promise<Enqueued[]> {
    const answers = await Promise.all(
      all.map((one) => new Promise<Enqueued>((resolve) => this.#options.queue.enqueue(one, resolve))),
    );
    const failure = answers.find((answer) => answer.kind === "failed");
    if (!failure) return answers;
    this.#keepQuiet(this.#options.enqueueMs);
    throw failure.error;
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
