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
import { leasedJob, SEQ_LIMIT } from "../core/packed-job.ts";
import { isLarge, sizeOf } from "../core/payload.ts";

/** What runs jobs on this replica. */
export interface Runner {
  /** Keeps slots, and room for bytes of large payloads, for so many jobs of a type. @returns false where not all of that is free: then none is kept */
  reserve(type: string, jobs: number, bytes: number): boolean;
  unreserve(type: string, jobs: number, bytes: number): void;
  /**
   * Starts jobs that are leased to this replica, or gives them back where their lease is over by now.
   * @param grantedAt `performance.now()` before the call that leased them @param payloads what theirs say, where they are parsed already
   */
  start(jobs: readonly Job[], grantedAt: number, payloads?: readonly unknown[]): void;
}

/** Claims number their leases from 0, enqueues from here: they never meet. */
const FIRST_SEQ = SEQ_LIMIT / 2;
const LEASED = 0x72; // r
/** They all start in one turn of the event loop, and each parses its payload: about 10 ms for each MiB. More is left to claims. */
const MAX_CHARS = 2 * 1024 * 1024;
/** After an answer that was lost, Redis is asked so often what it did. */
const ASK_PERIOD_MS = 100;
/** What this process knows of Redis's clock may be wrong by so much. */
const CLOCK_ERROR_MS = 100;
/** After so long Redis runs no call any more, whatever its clock was set to meanwhile (time.lua). */
const LATEST_MS = 70_000;

export interface ReservationsOptions {
  readonly replica: string;
  readonly runner: Runner;
  /** Epoch ms, Redis's. */
  readonly now: () => number;
  readonly read: (ids: readonly string[]) => Promise<readonly Job[]>;
}

/** What one call may lease. */
export interface Reservation {
  readonly seq: number;
  /** What is kept, by type. */
  readonly types: ReadonlyMap<string, Kept>;
}

interface Kept {
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

  /** Reserves slots for the jobs of a call that say no time to start; undefined where there are none. */
  make(batch: readonly Jobs[]): Reservation | undefined {
    const { runner } = this.#options;
    const types = new Map<string, Kept>();
    let chars = 0;
    for (const { submissions } of batch) {
      for (const { type, options, payload } of submissions) {
        if (options.run_at !== undefined) continue;
        const kept = types.get(type);
        const bytes = isLarge(payload) ? payload.size : 0;
        if (kept) {
          kept.slots += 1;
          kept.bytes += bytes;
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
   * Starts what was leased.
   * @param letters one for each job of the batch, as enqueue.lua says @param now Redis's, epoch ms @param grantedAt as in {@link Runner}
   */
  granted({ seq, types }: Reservation, batch: readonly Jobs[], letters: string, now: number, grantedAt: number): void {
    const { replica, runner } = this.#options;
    const lease = { replica, seq, now };
    const leased: Job[] = [];
    const payloads: unknown[] = [];
    let at = 0;
    for (const { ids, submissions, payload } of batch) {
      for (let i = 0; i < submissions.length; i += 1, at += 1) {
        const submission = submissions[i];
        if (!submission || letters.charCodeAt(at) !== LEASED) continue;
        leased.push(leasedJob(ids[i] ?? "", submission, lease));
        payloads.push(payload);
      }
    }
    this.release(types);
    runner.start(leased, grantedAt, payloads);
  }

  /** Nothing was leased. */
  release(types: Reservation["types"]): void {
    for (const [type, { slots, bytes }] of types) this.#options.runner.unreserve(type, slots, bytes);
  }

  /**
   * The call got no answer: what it leased is found by its token, and started. As with a claim whose answer was lost, no lease is spent.
   * @param notAfter when Redis changes nothing any more by the call, epoch ms
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
      isDecided = ours.length > 0 || (found !== undefined && isLate); // the call leases all at once
    }
    this.release(types);
    runner.start(ours, grantedAt);
  }

  close(): void {
    this.#isClosed = true;
  }

  /** The jobs that Redis holds of these; undefined while it is away. */
  async #read(ids: readonly string[]): Promise<readonly Job[] | undefined> {
    try {
      return await this.#options.read(ids);
    } catch {
      return undefined; // asked again, for as long as it takes
    }
  }
}

function isLeasable(submission: Submission | undefined, types: Reservation["types"]): boolean {
  return submission !== undefined && submission.options.run_at === undefined && types.has(submission.type);
}
