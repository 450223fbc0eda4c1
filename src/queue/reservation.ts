/**
 * Jobs that the call which enqueues them leases to its own replica, so that none of them costs a claim: where all jobs of a type
 * in the call find free slots here, and no job of that type waits before them. Nobody is overtaken, and no lease is held on
 * what cannot run now.
 *
 *   slots are reserved ──call──▶ leased: started      ──▶ waiting, or nothing was changed: given back
 *                         └─────▶ no answer: asked for until Redis says, or can no longer run the call
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Job, Submission } from "../core/job.ts";
import { leasedJob } from "../core/wire.ts";

/** What runs jobs on this replica. */
export interface Runner {
  /** Keeps slots for so many jobs of a type. @returns false where not all of them are free: then none is kept */
  reserve(type: string, jobs: number): boolean;
  unreserve(type: string, jobs: number): void;
  /** Starts jobs that are leased to this replica. @param grantedAt `performance.now()` before the call that leased them */
  start(jobs: readonly Job[], grantedAt: number): void;
}

/** Claims number their leases from 0, enqueues from here: both have the ten digits of a token, and never meet. */
const FIRST_SEQ = 5_000_000_000;
const LEASED = 0x72; // r
/** After an answer that was lost, Redis is asked so often what it did. */
const ASK_PERIOD_MS = 100;
/** What this process knows of Redis's clock may be wrong by so much. */
const CLOCK_ERROR_MS = 100;

export interface ReservationsOptions {
  readonly replica: string;
  readonly leaseMs: number;
  readonly runner: Runner;
  /** Epoch ms, Redis's. */
  readonly now: () => number;
  readonly read: (ids: readonly string[]) => Promise<readonly Job[]>;
}

/** What one call may lease. */
export interface Reservation {
  readonly seq: number;
  /** How many slots are kept, by type. */
  readonly types: ReadonlyMap<string, number>;
}

interface Jobs {
  readonly ids: readonly string[];
  readonly submissions: readonly Submission[];
}

export class Reservations {
  readonly #options: ReservationsOptions;
  #nextSeq = FIRST_SEQ;

  constructor(options: ReservationsOptions) {
    this.#options = options;
  }

  /** Reserves slots for the jobs of a call that say no time to start; undefined where there are none. */
  make(batch: readonly Jobs[]): Reservation | undefined {
    const { runner } = this.#options;
    const types = new Map<string, number>();
    for (const { submissions } of batch) {
      for (const { type, options } of submissions) if (options.run_at === undefined) types.set(type, (types.get(type) ?? 0) + 1);
    }
    for (const [type, jobs] of types) if (!runner.reserve(type, jobs)) types.delete(type);
    if (types.size === 0) return undefined;
    this.#nextSeq += 1;
    return { seq: this.#nextSeq, types };
  }

  /**
   * Starts what was leased.
   * @param letters one for each job of the batch, as enqueue.lua says @param now Redis's, epoch ms @param grantedAt as in {@link Runner}
   */
  granted({ seq, types }: Reservation, batch: readonly Jobs[], letters: string, now: number, grantedAt: number): void {
    const { replica, runner } = this.#options;
    const lease = { replica, seq, now };
    const leased: Job[] = [];
    let at = 0;
    for (const { ids, submissions } of batch) {
      for (let i = 0; i < submissions.length; i += 1, at += 1) {
        const submission = submissions[i];
        if (submission && letters.charCodeAt(at) === LEASED) leased.push(leasedJob(ids[i] ?? "", submission, lease));
      }
    }
    this.release(types);
    runner.start(leased, grantedAt);
  }

  /** Nothing was leased. */
  release(types: Reservation["types"]): void {
    for (const [type, jobs] of types) this.#options.runner.unreserve(type, jobs);
  }

  /**
   * The call got no answer: what it leased is found by its token, and started. As with a claim whose answer was lost, no lease is spent.
   * @param notAfter when Redis changes nothing any more by the call, epoch ms
   */
  async resolve({ seq, types }: Reservation, batch: readonly Jobs[], notAfter: number, grantedAt: number): Promise<void> {
    const { replica, leaseMs, runner, now, read } = this.#options;
    const ids = new Set(batch.flatMap((jobs) => jobs.ids));
    for (let isDecided = false; !isDecided && ids.size > 0; ) {
      await sleep(ASK_PERIOD_MS, undefined, { ref: false });
      const isLate = now() > notAfter + CLOCK_ERROR_MS;
      try {
        const ours = (await read([...ids])).filter(({ status, worker, claimSeq }) => status === "running" && worker === replica && claimSeq === seq);
        for (const { id } of ours) ids.delete(id);
        runner.start(ours, grantedAt);
        isDecided = isLate;
      } catch {
        isDecided = performance.now() - grantedAt > leaseMs; // Redis is away still; a lease would be over by now
      }
    }
    this.release(types);
  }
}
