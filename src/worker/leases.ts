/**
 * The leases of this replica. One call every third of a lease renews them, together with the replica's heartbeat; if
 * one renewal fails, the next is still in time. A job is stopped if its lease could not be renewed for a whole lease,
 * by the monotonic clock, since another replica may have it. While this thread is blocked, the lease guard renews the
 * leases (lease-guard.ts); `beat` has the times of both.
 *
 * A lease lasts from the claim until the answer of the settle, whether an attempt runs, has ended, or never began. Its
 * key is the `Job`, not the job's id: this replica may claim a job that it lost again while the earlier attempt is
 * still stopping.
 */
import { Periodic } from "../concurrency/periodic.ts";
import type { Job } from "../core/job.ts";
import type { Attempt } from "../execute/attempt.ts";
import type { Queue } from "../queue/queue.ts";
import type { Beat } from "./beat.ts";
import { ProgressReports } from "./progress-reports.ts";

/** How long a handler may take to stop before its slot is given up. */
const STOP_GRACE_MS = 5_000;
/**
 * While jobs run, a tick at this interval checks the timeouts: no job needs a timer, and no timeout is late by more
 * than this.
 */
const TICK_MS = 100;
/** Leases renewed in one call: about 3 ms of Redis. */
const MAX_RENEWED = 1_000;

interface Lease {
  readonly job: Job;
  /** Undefined if this replica only settles the job: another replica lost it, or it came too late. */
  readonly attempt: Attempt | undefined;
  /** By `performance.now()`, before the call that granted or renewed it. */
  renewedAt: number;
}

export interface LeasesOptions {
  readonly queue: Pick<Queue, "renew" | "reportProgress">;
  readonly leaseMs: number;
  /** Shared with the lease guard, if there is one. */
  readonly beat: Beat;
  /** The heartbeat of this replica, as JSON. */
  readonly about: () => string;
  /** Called when a handler did not stop in time, and its slot was given up: the handler may still run. */
  readonly onGivenUp: (attempt: Attempt) => void;
  readonly onError: (error: unknown) => void;
}

export class Leases {
  readonly #options: LeasesOptions;
  readonly #reports: ProgressReports;
  #leases = new Map<Job, Lease>();
  #nextTick: NodeJS.Timeout | undefined;
  /** Without leases: the next tick is due only with the next renewal. */
  #isIdle = false;
  /**
   * Never started: the tick decides when to renew, because the lease guard has to know when this thread is due next.
   */
  readonly #renewal: Periodic;
  #nextRenewalAt = 0;
  #isClosed = false;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#reports = new ProgressReports(options);
    this.#renewal = new Periodic({
      task: () => this.#renew(),
      periodMs: options.leaseMs / 3,
      onError: (error) => this.#renewSoon(error),
    });
  }

  /** The first renewal announces this replica to the others. */
  start(): void {
    if (this.#nextTick) return;
    this.#options.beat.renewedAt = performance.now(); // there are no leases yet
    this.#tick();
  }

  /** Renews as soon as possible, so that the others get a change of this replica's heartbeat. */
  renewSoon(): void {
    this.#nextRenewalAt = 0;
    this.#planTick(false);
  }

  /**
   * Call before jobs start: one of them may block this thread before its lease is added, and the guard must notice
   * soon.
   */
  expectJobs(): void {
    if (this.#isIdle) this.#planTick(false);
  }

  /** Adds the lease of a job that runs here. @param grantedAt `performance.now()` before the claim */
  add(attempt: Attempt, grantedAt: number): void {
    const { job } = attempt;
    this.#insert({ job, attempt, renewedAt: grantedAt });
  }

  /**
   * Adds the leases of jobs that this replica only settles. An attempt under an earlier lease of such a job has lost
   * it.
   */
  addJudged(jobs: readonly Job[], grantedAt: number): void {
    const ids = new Set(jobs.map(({ id }) => id));
    for (const { job, attempt } of this.#leases.values()) if (attempt && ids.has(job.id)) attempt.stop("lost");
    for (const job of jobs) this.#insert({ job, attempt: undefined, renewedAt: grantedAt });
  }

  /** Removes the lease of a job that is settled, or leased elsewhere. @returns the attempt that ran under it */
  release(job: Job): Attempt | undefined {
    const attempt = this.#leases.get(job)?.attempt;
    this.#leases.delete(job);
    return attempt;
  }

  /** Stops a job that runs here. Searches all leases: such calls are rare. */
  stop(id: string, reason: "cancelled" | "lost"): void {
    for (const { job, attempt } of this.#leases.values()) if (job.id === id) attempt?.stop(reason);
  }

  /** The attempts at these jobs that run here, by job. Searches all leases: such calls are rare. */
  running(ids: ReadonlySet<string>): Map<string, Attempt> {
    const running = new Map<string, Attempt>();
    for (const { job, attempt } of this.#leases.values()) {
      if (attempt && ids.has(job.id) && !attempt.hasEnded && attempt.stopReason !== "lost")
        running.set(job.id, attempt);
    }
    return running;
  }

  /** Stops the attempts that have saved their state: another replica can continue without losing work. */
  stopSaved(): void {
    for (const { attempt } of this.#leases.values()) if (attempt?.hasSaved) attempt.stop("drain");
  }

  /** Stops all attempts, and gives up those that do not stop within `graceMs`: their leases are released. */
  async stopAll(graceMs: number): Promise<void> {
    const running = [...this.#leases.values()].flatMap(({ attempt }) =>
      attempt && !attempt.hasEnded ? [attempt] : [],
    );
    for (const attempt of running) attempt.stop("drain");
    const deadline = performance.now() + graceMs;
    while (running.some((attempt) => !attempt.hasEnded) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const attempt of running) if (!attempt.hasEnded) attempt.giveUp();
    await this.#reports.idle();
  }

  /** The jobs whose leases this replica has. */
  get jobs(): readonly Job[] {
    return [...this.#leases.keys()];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#nextTick);
    await this.#renewal.close();
    this.#options.beat.dueAt = undefined;
    this.#options.beat.renewedAt = undefined;
  }

  #insert(lease: Lease): void {
    this.#leases.set(lease.job, lease);
    if (this.#isIdle) this.#planTick();
  }

  #planTick(isIdle = this.#leases.size === 0): void {
    clearTimeout(this.#nextTick);
    if (this.#isClosed) return;
    this.#isIdle = isIdle;
    const now = performance.now();
    const inMs = isIdle ? Math.max(1, this.#nextRenewalAt - now) : TICK_MS;
    this.#options.beat.dueAt = now + inMs;
    this.#nextTick = setTimeout(() => this.#tick(), inMs);
  }

  #tick(): void {
    const now = performance.now();
    const {
      leaseMs,
      beat: { guardedAt = Number.NEGATIVE_INFINITY },
    } = this.#options;
    for (const { attempt, renewedAt } of this.#leases.values()) {
      if (!attempt || attempt.hasEnded) continue;
      if (now - Math.max(renewedAt, guardedAt) > leaseMs) attempt.stop("lost");
      if (attempt.stopReason === undefined && now - attempt.startedAt > attempt.timeoutMs) attempt.stop("timeout");
      if (attempt.stoppingMs(now) > STOP_GRACE_MS) {
        attempt.giveUp();
        this.#options.onGivenUp(attempt);
      }
    }
    // A map that grows and shrinks leaves old tables behind, each of which references the next: once the first is in
    // V8's old space, the later ones get there too, and wait for a full collection. A new map references only its own
    // table.
    this.#leases = new Map(this.#leases);
    this.#reports.send(this.#leases.values(), now);
    if (now >= this.#nextRenewalAt && !this.#renewal.isRunning) {
      this.#nextRenewalAt = now + leaseMs / 3;
      this.#renewal.wake();
    }
    this.#planTick();
  }

  async #renew(): Promise<void> {
    const startedAt = performance.now();
    // Skip leases known to be lost: the reply is keyed by job id, and the job may meanwhile be leased here again.
    const leases = [...this.#leases.values()].filter(({ attempt }) => attempt?.stopReason !== "lost");
    const about = this.#options.about();
    let from = 0;
    do {
      await this.#renewSome(leases.slice(from, from + MAX_RENEWED), startedAt, about);
      from += MAX_RENEWED;
    } while (from < leases.length);
    this.#options.beat.renewedAt = startedAt;
  }

  #renewSoon(error: unknown): void {
    this.#options.onError(error);
    // the lease leaves time for several tries
    this.#nextRenewalAt = performance.now() + Math.min(1_000, this.#options.leaseMs / 10);
    this.#planTick();
  }

  async #renewSome(leases: readonly Lease[], startedAt: number, about: string): Promise<void> {
    const renewals = leases.map(({ attempt, job }) => ({
      id: job.id,
      claimSeq: job.claimSeq,
      progress: attempt?.progress ?? null,
    }));
    const stops = await this.#options.queue.renew(renewals, about);
    for (const lease of leases) {
      const reason = stops.get(lease.job.id);
      if (reason !== "lost") lease.renewedAt = startedAt;
      // without a running attempt, the settle gets the same answer
      if (reason !== undefined) lease.attempt?.stop(reason);
    }
  }
}
