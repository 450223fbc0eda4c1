/**
 * Slots for jobs that the call which enqueues them leases to its own replica, so that they cost no claim. It does so
 * where all jobs of a type in the call find free slots here, and no job of that type waits before them: then it
 * overtakes no job, and leases none that cannot run now.
 *
 *   slots are reserved ──call──▶ leased: started      ──▶ waiting, or nothing was changed: given back
 *                         └─────▶ no reply: the jobs are read until they show what happened, or Redis can no longer run the call
 */
import { setTimeout as sleep } from "node:timers/promises";
import { at as elementAt } from "../core/at.ts";
import { SEQ_LIMIT } from "../core/header.ts";
import type { Job, Submission } from "../core/job.ts";
import { leasedJob } from "../core/packed-job.ts";
import { isLarge, sizeOf } from "../core/payload.ts";
import { STATE_CODE } from "../core/state-code.ts";

/** Runs jobs on this replica. */
export interface Runner {
  /**
   * Reserves slots, and room for bytes of large payloads, for jobs of a type.
   * @returns false, reserving nothing, if not all of that is free
   */
  reserve(type: string, jobs: number, bytes: number): boolean;
  unreserve(type: string, jobs: number, bytes: number): void;
  /**
   * Starts jobs that are leased to this replica, or gives them back if their lease is over.
   * @param grantedAt `performance.now()` taken before the call that leased the jobs @param payloads the parsed
   * payloads, if already parsed
   */
  start(jobs: readonly Job[], grantedAt: number, payloads?: readonly unknown[]): void;
}

/** Claims number their leases from 0, enqueues from here: the ranges do not overlap. */
const FIRST_SEQ = SEQ_LIMIT / 2;
const LEASED = STATE_CODE.running.charCodeAt(0);
/**
 * All jobs of a call start in one turn of the event loop, and each parses its payload: about 10 ms for each MiB. Larger
 * calls lease nothing.
 */
const MAX_CHARS = 2 * 1024 * 1024;
/** Between reads after a lost reply. */
const ASK_PERIOD_MS = 100;
/** This process's estimate of Redis's clock may be wrong by this much. */
const CLOCK_ERROR_MS = 100;
/** Redis does not run a call this long after it was sent, even if its clock was set meanwhile (time.lua). */
const LATEST_MS = 70_000;

export interface ReservationsOptions {
  readonly replica: string;
  readonly runner: Runner;
  /** Epoch ms, Redis's. */
  readonly now: () => number;
  readonly read: (ids: readonly string[]) => Promise<readonly Job[]>;
}

/** The jobs that one call may lease. */
export interface Reservation {
  readonly seq: number;
  /** What is reserved, by type. */
  readonly types: ReadonlyMap<string, Reserved>;
}

interface Reserved {
  slots: number;
  /** Of large payloads. */
  bytes: number;
}

interface Jobs {
  readonly ids: readonly string[];
  readonly submissions: readonly Submission[];
  readonly payload?: unknown;
}

export class Reservations {
  readonly #options: ReservationsOptions;
  #nextSeq = FIRST_SEQ;
  #isClosed = false;

  constructor(options: ReservationsOptions) {
    this.#options = options;
  }

  /** Reserves slots for the jobs of a call that have no time to start; undefined if no slots are free. */
  make(batch: readonly Pick<Jobs, "submissions">[]): Reservation | undefined {
    const { runner } = this.#options;
    const types = new Map<string, Reserved>();
    let chars = 0;
    for (const { submissions } of batch) {
      for (const { type, options, payload } of submissions) {
        if (options.run_at !== undefined) continue;
        const reserved = types.get(type);
        const bytes = isLarge(payload) ? payload.size : 0;
        if (reserved) {
          reserved.slots += 1;
          reserved.bytes += bytes;
        } else {
          types.set(type, { slots: 1, bytes });
        }
        chars += sizeOf(payload);
      }
    }
    if (chars > MAX_CHARS) return undefined;
    for (const [type, { slots, bytes }] of types) if (!runner.reserve(type, slots, bytes)) types.delete(type);
    if (types.size === 0) return undefined;
    this.#nextSeq += 1;
    return { seq: this.#nextSeq, types };
  }

  /**
   * Starts the leased jobs.
   * @param codes one for each job of the batch, as enqueue.lua replies @param now Redis's, epoch ms @param grantedAt as
   * in {@link Runner}
   */
  granted({ seq, types }: Reservation, batch: readonly Jobs[], codes: string, now: number, grantedAt: number): void {
    const { replica, runner } = this.#options;
    const lease = { replica, seq, now };
    const leased: Job[] = [];
    const payloads: unknown[] = [];
    let at = 0;
    for (const { ids, submissions, payload } of batch) {
      for (let i = 0; i < submissions.length; i += 1, at += 1) {
        const submission = submissions[i];
        if (!submission || codes.charCodeAt(at) !== LEASED) continue;
        leased.push(leasedJob(elementAt(ids, i), submission, lease));
        payloads.push(payload);
      }
    }
    this.release(types);
    runner.start(leased, grantedAt, payloads);
  }

  /** Gives back the slots: nothing was leased. */
  release(types: Reservation["types"]): void {
    for (const [type, { slots, bytes }] of types) this.#options.runner.unreserve(type, slots, bytes);
  }

  /**
   * The call got no reply: the jobs that it leased are found by their token, and started. As with a claim whose reply
   * was lost, no lease is lost.
   * @param notAfter epoch ms: later than that the call changes nothing
   */
  async resolve(
    { seq, types }: Reservation,
    batch: readonly Jobs[],
    notAfter: number,
    grantedAt: number,
  ): Promise<void> {
    const { replica, runner, now } = this.#options;
    const ids = batch.flatMap(({ ids: all, submissions }) => all.filter((_, i) => isLeasable(submissions[i], types)));
    let ours: Job[] = [];
    for (let isDecided = false; !isDecided && !this.#isClosed; ) {
      await sleep(ASK_PERIOD_MS, undefined, { ref: false });
      const isLate = now() > notAfter + CLOCK_ERROR_MS || performance.now() - grantedAt > LATEST_MS;
      const found = await this.#read(ids);
      ours =
        found?.filter(
          ({ status, worker, claimSeq }) => status === "running" && worker === replica && claimSeq === seq,
        ) ?? [];
      isDecided = ours.length > 0 || (found !== undefined && isLate); // the call leases all of them, or none
    }
    this.release(types);
    runner.start(ours, grantedAt);
  }

  close(): void {
    this.#isClosed = true;
  }

  /** The jobs among these that Redis has; undefined while it is away. */
  async #read(ids: readonly string[]): Promise<readonly Job[] | undefined> {
    try {
      return await this.#options.read(ids);
    } catch {
      return undefined; // the caller reads again until Redis answers
    }
  }
}

function isLeasable(submission: Submission | undefined, types: Reservation["types"]): boolean {
  return submission !== undefined && submission.options.run_at === undefined && types.has(submission.type);
}
