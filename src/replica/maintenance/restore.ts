/**
 * Puts back what Redis has lost of the jobs that Postgres committed before (`durability: postgres`). One replica at a
 * time, the one that leads, looks through `accepted` by rising ids:
 *
 *   no row in `jobs` ─▶ not in Redis ─▶ still no row in `jobs` ─▶ enqueue, by the same id
 *
 * In this order it runs nothing twice. Redis forgets a job only after its row is committed, so one that is in neither was
 * lost, or has never been there. And it cannot get there in the meantime:
 *  - from the replica that accepted it, because only ids are looked at that are too old for that (`underWayMs`);
 *  - from here or another leader: what was read of Postgres is sent within `freshMs` or not at all, and Redis refuses what is on its
 *    way for longer than `enqueueMs` (its `not_after`). That time passes after an enqueue that nobody knows the outcome of, and both
 *    before the first of a new leader.
 *
 * Ids are looked at once, 60 s after they were made (later where a submission may be on its way for longer). All are looked at again when Redis may have lost some: it was
 * started again (perhaps on an old file), or does not bear the mark that Postgres remembers (its epoch). In the second case
 * it came back empty, or is another one, and nothing waits for its 60 s. Where Redis's clock went back, so does what was looked at.
 *
 * The counts in Redis went with the jobs. What is put back is counted as accepted once more, by the ordinary enqueue,
 * and as recorded when it is; what was recorded before is in neither count. So the books balance again at once.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { LOWEST_ID, lowestIdAt } from "../../core/id.ts";
import { enqueued } from "../../queue/enqueued.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Accepted, AcceptedJob, Unrecorded } from "../../results/acceptance-log/reader.ts";
import { FutureIds } from "../../worker/future-ids.ts";

/** Between looks. An emptied Redis is noticed within this time. */
const PERIOD_MS = 3_000;
/** Between tries to lead, where another replica does or Postgres is away. */
const FOLLOWER_PERIOD_MS = 5_000;
export const SETTLED_MS = 60_000;
/** Ids are looked at again for so long, so often: a COPY that hung in Postgres may be committed late. */
const LATE_MS = 1_200_000;
const LATE_PERIOD_MS = 600_000;
const SLICE = 1_000;
/** What was read of Postgres longer ago is not enqueued: this process may have been frozen since, and another one leads (results/accepted.ts). */
const FRESH_MS = 8_000;
/** Submissions in memory at once. */
const MAX_BYTES = 4 * 1024 * 1024;

export interface RestoreOptions {
  readonly queue: Pick<Queue, "clock" | "generation" | "missing" | "enqueue">;
  readonly accepted: Pick<Accepted, "lead" | "unrecorded" | "read" | "generation" | "setGeneration" | "close">;
  /** How old an id may be at most when the replica that accepted it still has it on its way into Redis. */
  readonly underWayMs: number;
  /** How long an enqueue may be on its way. */
  readonly enqueueMs: number;
  /** How old what was read of Postgres may be when it is sent to Redis. */
  readonly freshMs?: number;
  /** Redis came back without its jobs, or is another one. */
  readonly onEmptied: () => void;
  readonly onRestored: (jobs: number) => void;
  readonly onError: (error: unknown) => void;
  readonly periodMs?: number;
  /** How long ids in the future must have stood in Postgres. */
  readonly settledMs?: number;
}

export class Restore {
  readonly #options: RestoreOptions;
  readonly #closing = new AbortController();
  #loop: Promise<void> | undefined;
  /** All below it were looked at. */
  #lookedBelow = LOWEST_ID;
  /** By `performance.now()`: ids that came late were last looked at, and nothing is enqueued before. */
  #lateAt = Number.NEGATIVE_INFINITY;
  #quietUntil = 0;
  #runId: string | undefined;
  /** The mark that Postgres remembers: of the Redis that holds all that was committed until it got it. */
  #known: string | undefined;
  /** Another mark that Redis bears, so that it came back empty or is another one; and when that was seen, by `performance.now()`. */
  #emptied: { readonly generation: string; readonly seenAt: number } | undefined;
  readonly #future: FutureIds;

  constructor(options: RestoreOptions) {
    this.#options = options;
    this.#future = new FutureIds({ settledMs: Math.max(SETTLED_MS, options.underWayMs), ...options });
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Ends what is under way, and leads no more. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#options.accepted.close();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { accepted, onError, periodMs = PERIOD_MS } = this.#options;
    const { signal } = this.#closing;
    let lastReason = "";
    while (!signal.aborted) {
      let pauseMs = periodMs;
      try {
        const lead = await accepted.lead();
        if (lead === "new") await this.#begin();
        if (lead === "no") pauseMs = Math.max(periodMs, FOLLOWER_PERIOD_MS);
        else await this.#look();
        lastReason = "";
      } catch (error) {
        const reason = String(error);
        if (reason !== lastReason && !this.#closing.signal.aborted) onError(error); // the same one comes with every look
        lastReason = reason;
      }
      // Rejects when it closes meanwhile, which the loop's condition sees.
      await delay(pauseMs * (0.9 + Math.random() / 5), undefined, { signal }).catch(() => undefined);
    }
  }

  async #begin(): Promise<void> {
    this.#keepQuiet(this.#freshMs + this.#options.enqueueMs); // of another leader, which may not know that it leads no more
    this.#lookedBelow = LOWEST_ID;
    this.#emptied = undefined;
    this.#future.reset();
    this.#known = await this.#options.accepted.generation();
  }

  get #freshMs(): number {
    return this.#options.freshMs ?? FRESH_MS;
  }

  #keepQuiet(ms: number): void {
    this.#quietUntil = performance.now() + ms;
  }

  async #look(): Promise<void> {
    const { queue, accepted, underWayMs } = this.#options;
    await this.#lookAtRedis();
    if (performance.now() < this.#quietUntil) return;
    const now = queue.clock.now();
    const at = this.#emptied ? now - (performance.now() - this.#emptied.seenAt) : 0; // also where the clock was set since
    const end = lowestIdAt(Math.max(now - Math.max(SETTLED_MS, underWayMs), Math.min(at, now - underWayMs)));
    if (performance.now() - this.#lateAt > LATE_PERIOD_MS || this.#lookedBelow > end) {
      this.#lateAt = performance.now();
      const late = lowestIdAt(now - LATE_MS);
      if (late < this.#lookedBelow) this.#lookedBelow = late;
    }
    await this.#restoreBelow(end);
    await this.#restore(await this.#future.settled(now));
    if (!this.#emptied || at > now - underWayMs || this.#closing.signal.aborted) return;
    await accepted.setGeneration(this.#emptied.generation); // all that it had lost is back
    this.#known = this.#emptied.generation;
    this.#emptied = undefined;
  }

  async #lookAtRedis(): Promise<void> {
    const { queue, onEmptied } = this.#options;
    const { generation, runId } = await queue.generation(randomUUID());
    if (this.#runId !== runId) this.#lookedBelow = LOWEST_ID;
    this.#runId = runId;
    if (generation === (this.#emptied?.generation ?? this.#known)) return;
    this.#lookedBelow = LOWEST_ID;
    this.#emptied = { generation, seenAt: performance.now() };
    // Before the first mark nobody knows: what was committed until now may be lost, or not.
    if (this.#known !== undefined) onEmptied();
  }

  async #restoreBelow(end: string): Promise<void> {
    while (this.#lookedBelow < end && !this.#closing.signal.aborted) {
      const { last, jobs } = await this.#options.accepted.unrecorded(this.#lookedBelow, end, SLICE);
      await this.#restore(jobs);
      this.#lookedBelow = last ?? end;
    }
  }

  async #restore(jobs: Unrecorded["jobs"]): Promise<void> {
    const { queue, accepted, onRestored } = this.#options;
    const missing = new Set(await queue.missing(jobs.map(({ id }) => id)));
    let count = 0;
    for (const ids of parts(jobs.filter(({ id }) => missing.has(id)))) {
      const sendBy = queue.clock.now() + this.#freshMs;
      const lost = await accepted.read(ids);
      await this.#enqueue(lost, sendBy);
      count += lost.length;
    }
    if (count > 0) onRestored(count);
  }

  /** Each by itself: a batch was accepted as a whole, and some of its jobs may be there. */
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

function parts(jobs: Unrecorded["jobs"]): string[][] {
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
