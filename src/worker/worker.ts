/**
 * The dispatch loop: free slots → claim → execute → settle.
 *
 * One claim is in progress at a time. The next follows at once if more jobs are ready, on a wake-up, when a missing
 * slot becomes free, when the next scheduled job is due, and after a second in any case. A wake-up is only a hint. Jobs
 * that this replica enqueues into its own free slots need no claim (queue/reservation.ts).
 */
import { performance } from "node:perf_hooks"; // not the global, which is looked up at each use
import { setTimeout as sleep } from "node:timers/promises";
import { readyAtOf } from "../core/attempt-record.ts";
import type { AttemptOutcome, Job } from "../core/job.ts";
import { isLarge } from "../core/payload.ts";
import type { AttemptEnd } from "../core/settle.ts";
import type { Attempt } from "../execute/attempt.ts";
import type { Executor } from "../execute/executor.ts";
import type { Claim } from "../queue/claim.ts";
import type { Queue } from "../queue/queue.ts";
import type { Runner } from "../queue/reservation.ts";
import { callRetryMs } from "./call-retry.ts";
import type { Leases } from "./leases.ts";
import { Probation } from "./probation.ts";
import type { Settler } from "./settler.ts";
import type { Slots } from "./slots.ts";

const MAX_IDLE_MS = 1_000;
/**
 * The longest pause between claims, as a share of a lease. If claims are more than a third of a lease apart, the claim
 * script assumes an outage of Redis, and expires no lease: an idle replica must claim much more often.
 */
const IDLE_SHARE_OF_LEASE = 1 / 6;
/** The limit of handlers that still run after their slot was given up: with this many, the process drains and exits. */
const MAX_GIVEN_UP = 20;

const UNREADABLE: AttemptEnd = {
  kind: "threw",
  code: "unreadable",
  message: "this version of TaskFlow cannot read the data of the job in Redis",
  isPermanent: true,
};

/** Bytes of an attempt that count against the limit for large payloads. */
function largeBytes({ payload }: Job): number {
  return isLarge(payload) ? payload.size : 0;
}

interface WorkerHooks {
  /** @param now `performance.now()`, also for `onRan` */
  readonly onPickup: (type: string, seconds: number, now: number) => void;
  readonly onRan: (type: string, seconds: number, now: number) => void;
  /**
   * Called when an attempt is settled; `stale`: another replica had its lease, so the attempt does not count. The
   * attempt is undefined if this replica only settled the job.
   */
  readonly onAttempt: (job: Job, outcome: AttemptOutcome | "stale", attempt: Attempt | undefined) => void;
  readonly onError: (error: unknown) => void;
  /** Called when too many handlers do not stop. */
  readonly onUnfit: () => void;
}

export interface WorkerOptions {
  readonly queue: Pick<Queue, "claim" | "clock" | "leaseMs">;
  readonly executor: Executor;
  readonly slots: Slots;
  readonly leases: Leases;
  readonly settler: Settler;
  readonly claimLimit: number;
  /** True while Postgres answers but the recorder's buffer is full: claims must pause, or the outbox would grow. */
  readonly shouldPause: () => boolean;
  readonly hooks: WorkerHooks;
}

export class Worker implements Runner {
  readonly #options: WorkerOptions;
  #seq = 0;
  readonly #probation = new Probation();
  readonly #maxIdleMs: number;
  #givenUp = 0;
  #isDraining = false;
  #isDrained = false;
  #loop: Promise<void> | undefined;
  #isWoken = false;
  #wakeUp: (() => void) | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#maxIdleMs = Math.min(MAX_IDLE_MS, options.queue.leaseMs * IDLE_SHARE_OF_LEASE);
  }

  open(): void {
    this.#loop ??= this.#run();
  }

  /**
   * Reserves slots for jobs that are about to be enqueued; none while this replica drains, or must not claim.
   */
  reserve(type: string, jobs: number, bytes: number): boolean {
    const { slots, claimLimit, shouldPause } = this.#options;
    return (
      this.#loop !== undefined &&
      !this.#isDraining &&
      jobs <= claimLimit &&
      !shouldPause() &&
      slots.tryTake(type, jobs, bytes)
    );
  }

  unreserve(type: string, jobs: number, bytes: number): void {
    if (this.#options.slots.give(type, jobs, bytes)) this.wake();
  }

  /** Starts jobs that were leased as they were enqueued, in slots that were reserved and have just been returned. */
  start(jobs: readonly Job[], grantedAt: number, payloads: readonly unknown[] = []): void {
    // no job has run yet, so even a late answer costs no lease
    const isOver = performance.now() - grantedAt > this.#options.queue.leaseMs;
    if (this.#isDrained || isOver) {
      this.#judge(jobs, { kind: "released" }, grantedAt);
      return;
    }
    this.#options.leases.expectJobs();
    jobs.forEach((job, i) => this.#start(job, grantedAt, payloads[i]));
  }

  /** A hint that jobs may be ready. */
  readonly wake = (): void => {
    this.#isWoken = true;
    this.#wakeUp?.();
  };

  /** Call when a handler did not stop, and its slot was given up. */
  readonly gaveUp = (): void => {
    this.#givenUp += 1;
    if (this.#givenUp === MAX_GIVEN_UP) this.#options.hooks.onUnfit();
  };

  /** Call when a job is settled. */
  readonly settled = (job: Job, outcome: AttemptOutcome | "stale"): void => {
    const attempt = this.#options.leases.release(job);
    if (outcome === "retry" || outcome === "lost") this.wake(); // the next claim learns when the job is due
    this.#options.hooks.onAttempt(job, outcome, attempt);
  };

  /**
   * Stops claiming, releases the jobs that have saved their state at once, and those that still run after `drainMs`,
   * and settles all.
   */
  async drain(drainMs: number): Promise<void> {
    const { slots, leases, settler } = this.#options;
    this.#isDraining = true;
    this.wake();
    await this.#loop;
    const deadline = performance.now() + drainMs;
    while (slots.running > 0 && performance.now() < deadline) {
      leases.stopSaved();
      await sleep(20);
    }
    this.#isDrained = true;
    await leases.stopAll(1_000);
    await settler.idle();
  }

  async #run(): Promise<void> {
    const { queue, hooks } = this.#options;
    let failures = 0;
    while (!this.#isDraining) {
      this.#isWoken = false;
      const grantedAt = performance.now();
      let claim: Claim;
      try {
        claim = await queue.claim(this.#seq, this.#probation.poisonCandidateSlots(), this.#freeSlots());
        this.#seq += 1;
        failures = 0;
      } catch (error) {
        if (failures === 0) hooks.onError(error);
        failures += 1;
        await this.#idle(callRetryMs(failures));
        continue;
      }
      this.#judgeClaimed(claim, grantedAt);
      if (claim.claimed.length > 0) this.#options.leases.expectJobs();
      for (const job of claim.claimed) this.#start(job, grantedAt);
      const untilDue = claim.nextDueAt === 0 ? this.#maxIdleMs : claim.nextDueAt - queue.clock.now();
      if (!claim.isMoreLeft) await this.#idle(untilDue);
      else await new Promise(setImmediate); // attempts that just started may end, and settle, before the next claim
    }
    if (failures > 0) await this.#giveBack();
  }

  /** Repeats the last claim if it got no answer, since no claim follows, and releases the jobs that it leased. */
  async #giveBack(): Promise<void> {
    const { queue, slots, hooks } = this.#options;
    const grantedAt = performance.now();
    try {
      const claim = await queue.claim(this.#seq, 0, slots.free(0));
      this.#judgeClaimed(claim, grantedAt);
      this.#judge(claim.claimed, { kind: "released" }, grantedAt);
    } catch (error) {
      hooks.onError(error); // their leases expire
    }
  }

  /** Settles the jobs of a claim that must not run here. */
  #judgeClaimed({ lost, unreadable }: Claim, grantedAt: number): void {
    this.#judge(lost, { kind: "lost" }, grantedAt);
    this.#judge(unreadable, UNREADABLE, grantedAt);
  }

  #freeSlots(): ReturnType<Slots["free"]> {
    const { slots, claimLimit, shouldPause } = this.#options;
    return { ...slots.free(shouldPause() ? 0 : claimLimit), lostOnce: this.#probation.lostOnce() };
  }

  /** Waits for a wake-up, at least a millisecond and at most `#maxIdleMs`. */
  async #idle(ms: number): Promise<void> {
    if (this.#isWoken || this.#isDraining) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(this.#maxIdleMs, Math.max(1, ms)));
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wakeUp = undefined;
  }

  /**
   * Settles jobs without an attempt here, and renews their leases meanwhile: their crash budget would pay for a second
   * loss.
   */
  #judge(jobs: readonly Job[], end: AttemptEnd, grantedAt: number): void {
    if (jobs.length === 0) return;
    this.#options.leases.addJudged(jobs, grantedAt);
    for (const job of jobs) this.#options.settler.ended(job, end);
  }

  #start(job: Job, grantedAt: number, payload?: unknown): void {
    const { executor, leases, slots, hooks } = this.#options;
    const startedAt = job.startedAt ?? 0;
    const expiresAt = job.options.expires_at;
    if (expiresAt !== undefined && startedAt >= expiresAt) {
      this.#judge([job], { kind: "expired" }, grantedAt);
      return;
    }
    // During a claim, an enqueue may have taken the slots offered to it: a job without a slot goes back to the front.
    if (!slots.tryTake(job.type, 1, largeBytes(job))) {
      this.#judge([job], { kind: "released" }, grantedAt);
      return;
    }
    this.#probation.began(job);
    const attempt = executor.start(job, this.#ended, payload);
    attempt.onResolved = this.#resolved; // references are resolved later than in this call
    leases.add(attempt, grantedAt); // even after a fast end: its lease must be renewed until it is settled
    const readyAt = readyAtOf(job);
    if (readyAt !== undefined) hooks.onPickup(job.type, Math.max(0, startedAt - readyAt) / 1_000, attempt.startedAt);
  }

  readonly #resolved = ({ job, resolved = job }: Attempt): void => {
    this.#options.slots.grow(largeBytes(resolved) - largeBytes(job));
  };

  readonly #ended = (attempt: Attempt, end: AttemptEnd): void => {
    const { slots, settler, leases, hooks } = this.#options;
    const { job, resolved = job } = attempt;
    hooks.onRan(job.type, attempt.ranMs / 1_000, attempt.startedAt + attempt.ranMs);
    const wasFull = slots.give(job.type, 1, largeBytes(resolved));
    const wasPoisonCandidate = this.#probation.ended(job);
    // Another replica settles a lost lease, so this one does nothing more for it.
    if (end.kind === "lost") {
      leases.release(job);
      hooks.onAttempt(job, "stale", attempt);
    } else {
      settler.ended(job, end, attempt.diagnostics, attempt);
    }
    if (wasFull || wasPoisonCandidate) this.wake();
  };
}
