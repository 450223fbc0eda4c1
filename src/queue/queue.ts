/**
 * The queue: thin typed calls of the scripts, always in batches. Every call is safe to repeat, so a caller that got
 * `OutcomeUnknown` may simply call again (claim with the same seq).
 */
import { at } from "../core/at.ts";
import type { CallbackOf, Job, Submission } from "../core/job.ts";
import { asStored, isSmall } from "../core/payload.ts";
import type { CancelAnswer, Cancellations } from "./cancellation.ts";
import type { HistoryEntry } from "./changes.ts";
import type { Claim, FreeSlots } from "./claim.ts";
import { RedisClock } from "./clock.ts";
import type { EnqueueDone, Submitted } from "./enqueuer.ts";
import type { Forgettable } from "./forgetting.ts";
import { encodeForget } from "./forgetting.ts";
import { IdSource } from "./ids.ts";
import type { KnownKey } from "./known-key.ts";
import { knownKey } from "./known-key.ts";
import type { LeasedJobs } from "./leased-jobs.ts";
import type { LiveIds, LiveSearch } from "./live-index.ts";
import type { QueuePosition } from "./position.ts";
import type { QueueOptions } from "./queue-options.ts";
import { CALL_TIMEOUT_MS } from "./queue-options.ts";
import type { QueueParts } from "./queue-parts.ts";
import { queueParts } from "./queue-parts.ts";
import type { QueueReader } from "./queue-reader.ts";
import { scripts } from "./scripts.ts";
import type { SettleAnswer, Settlement } from "./settlement.ts";
import type { TokenBucket, TokenRequest } from "./token-buckets.ts";
import { takeTokens } from "./token-buckets.ts";
import type { JobChange, Update, UpdateAnswer } from "./updates.ts";

export class Queue {
  readonly clock = new RedisClock();
  readonly ids: IdSource;
  /** The hosts that attempts send to, shared by all replicas. */
  readonly destinations: QueueParts["destinations"];
  /** The same hosts, for people. */
  readonly destinationList: QueueParts["destinationList"];
  /** The log lines of running jobs, between the replicas that run and those that follow them. */
  readonly logChannel: QueueParts["logChannel"];
  readonly schedules: QueueParts["schedules"];
  /** The flows and batches that are not recorded, and the work that replicas do for them. */
  readonly flows: QueueParts["flows"];
  /** Facts about the server, and about the installation that the keys belong to. */
  readonly installation: QueueParts["installation"];
  /** Watches of jobs that end or change. Closed with the queue. */
  readonly watches: Pick<QueueParts["watches"], "ofEnds" | "ofChanges">;
  readonly #options: QueueOptions;
  readonly #parts: QueueParts;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.ids = new IdSource(() => this.clock.now(), Number(/\d+$/.exec(options.namespace)?.[0] ?? 0) & 0xfff);
    this.#parts = queueParts(options, this.clock);
    this.destinations = this.#parts.destinations;
    this.destinationList = this.#parts.destinationList;
    this.logChannel = this.#parts.logChannel;
    this.schedules = this.#parts.schedules;
    this.flows = this.#parts.flows;
    this.installation = this.#parts.installation;
    this.watches = this.#parts.watches;
  }

  /**
   * Waits until Redis answers, checks that the server and its user are fit, and sets the clock.
   * @returns warnings of what the user of REDIS_ADDR may not do, a sentence each
   * @throws StartError for a server that cannot be used, and the last connection error if there is no connection
   */
  async open(timeoutMs: number): Promise<string[]> {
    const warnings = await this.#parts.connections.open(this.#parts.ns, timeoutMs);
    await this.#parts.subscriber.open(timeoutMs);
    await this.#parts.connections.learnTime(timeoutMs);
    return warnings;
  }

  /** How long a claimed job stays with this replica without a renewal, in milliseconds. */
  get leaseMs(): number {
    return this.#options.leaseMs;
  }

  /** Milliseconds since the last round trip of a script; `ready` depends on it. */
  get silentMs(): number {
    return this.#parts.connections.silentMs;
  }

  /** Whether a submission would be sent now, rather than rejected. */
  get isReady(): boolean {
    return this.#parts.connections.submissions.isReady;
  }

  /**
   * Enqueues one submission of one or more jobs, as a whole. Submissions of one event-loop tick travel in one call.
   * `done` is called exactly once, within the submit timeout.
   */
  enqueue(submitted: Submitted, done: EnqueueDone): void {
    if (submitted.submissions.every(({ payload }) => isSmall(payload))) {
      this.#parts.enqueuer.enqueue(submitted, done);
      return;
    }
    const submissions = submitted.submissions.map((one) => ({ ...one, payload: asStored(one.payload) }));
    this.#parts.largeEnqueuer.enqueue({ ...submitted, submissions }, done);
  }

  /**
   * The bytes of a job's large payload, in memory that belongs to the caller; undefined if Redis has none.
   * @param size of the payload: fetches are bounded by it
   * @throws QueueUnavailable and OutcomeUnknown, as all calls here
   */
  payload(id: string, size: number): Promise<Buffer<ArrayBuffer> | undefined> {
    return this.#parts.payloads.fetch(id, size);
  }

  /**
   * The atomic dequeue.
   * @param seq repeat the last number to get the same jobs again, after a lost reply
   * @param poisonCandidateSlots 1 when a job that has lost two leases may start, else 0
   */
  claim(seq: number, poisonCandidateSlots: 0 | 1, free: FreeSlots): Promise<Claim> {
    return this.#parts.leased.claim(seq, poisonCandidateSlots, free);
  }

  /**
   * Renews the leases of the jobs that run here and shows this replica to the others.
   * @param about what this replica stores about itself: JSON
   * @returns the ids whose work should stop, with the reason
   */
  renew(...args: Parameters<LeasedJobs["renew"]>): Promise<Map<string, "lost" | "cancelled">> {
    return this.#parts.leased.renew(...args);
  }

  /** Stores the progress of jobs that run here, 0 to 100, and announces it. */
  reportProgress(...args: Parameters<LeasedJobs["reportProgress"]>): Promise<void> {
    return this.#parts.leased.reportProgress(...args);
  }

  /**
   * Stores the state that the handler of a running job saves for its next attempt, in place of what it saved before.
   * @param state JSON
   * @returns false if this replica no longer has the job's lease: nothing has changed
   */
  save(...args: Parameters<LeasedJobs["save"]>): Promise<boolean> {
    return this.#parts.leased.save(...args);
  }

  /** Settles attempts; the answers are in the order of the arguments. */
  settle(settlements: readonly Settlement[], outboxOwnedMs: number): Promise<SettleAnswer[]> {
    return this.#parts.leased.settle(settlements, outboxOwnedMs);
  }

  /** Forgets jobs that Postgres has stored. */
  async forget(jobs: readonly Forgettable[]): Promise<void> {
    await this.#parts.connections.work.run(scripts.forget, encodeForget(this.#parts.ns, jobs), CALL_TIMEOUT_MS);
  }

  /**
   * Cancels a job. A waiting job ends at once, and its callback is enqueued in the same call.
   * @param accepted of a job that Redis may not have: the submission that Postgres has accepted. It is then withdrawn:
   * put into the outbox as cancelled
   */
  async cancel(id: string, ownedMs: number, callbackOf: CallbackOf, accepted?: Submission): Promise<CancelAnswer> {
    return at(await this.cancelMany([{ id, accepted }], ownedMs, callbackOf), 0);
  }

  /** {@link cancel} for many jobs, 200 at most; the answers are in the order of the arguments. */
  cancelMany(...args: Parameters<Cancellations["cancel"]>): Promise<CancelAnswer[]> {
    return this.#parts.cancellations.cancel(...args);
  }

  /**
   * Changes a job while it waits. A claim gets the job as it was before or after, never in between.
   * @param change returns the new submission, with `dueAt` if the time to run it changes; undefined to leave the job
   * unchanged. It may be called again: the job changed after it was read
   * @throws QueueUnavailable if the job changed too often meanwhile; otherwise as all calls here
   */
  async update(id: string, change: JobChange): Promise<UpdateAnswer> {
    return at(await this.updateMany([{ id, change }]), 0);
  }

  /** {@link update} for many jobs, 200 at most; the answers are in the order of the arguments. */
  updateMany(updates: readonly Update[]): Promise<UpdateAnswer[]> {
    return this.#parts.updates.update(updates);
  }

  /**
   * Makes scheduled and retrying jobs due now, 200 at most; a retrying job keeps its attempts. The answer for a queued
   * job, which is due already, is "unchanged".
   */
  run(ids: readonly string[]): Promise<UpdateAnswer[]> {
    return this.#parts.updates.run(ids);
  }

  /**
   * Drops the payloads, results and records of ended jobs that Redis still has, 200 at most. Only for jobs whose row
   * Postgres has. @returns how many jobs Redis had
   */
  async erase(ids: readonly string[]): Promise<number> {
    return (await this.#parts.connections.work.run(scripts.erase, [this.#parts.ns, ...ids], CALL_TIMEOUT_MS)) as number;
  }

  /** Takes over outbox entries that their owners have not recorded in time. */
  async sweep(outboxOwnedMs: number, limit: number): Promise<Job[]> {
    const args = [this.#parts.ns, String(outboxOwnedMs), String(limit)];
    const reply = (await this.#parts.connections.work.run(scripts.sweep, args, CALL_TIMEOUT_MS)) as readonly string[];
    return this.read(this.flows.readSwept(this.schedules.readSwept(reply)));
  }

  /**
   * Stops claims of this type on all replicas; running jobs continue, and new ones wait. The pause survives restarts of
   * Redis.
   * @param reason replaces that of an earlier pause; "" changes nothing if the queue is paused already
   */
  async pause(type: string, reason = ""): Promise<void> {
    await this.#parts.connections.work.run(scripts.pause, [this.#parts.ns, type, reason], CALL_TIMEOUT_MS);
  }

  /** Ends {@link pause}: replicas claim the waiting jobs at once. */
  async resume(type: string): Promise<void> {
    await this.#parts.connections.work.run(scripts.resume, [this.#parts.ns, type], CALL_TIMEOUT_MS);
  }

  jobCounts(): ReturnType<QueueReader["jobCounts"]> {
    return this.#parts.reader.jobCounts();
  }

  /** The queue of a type, whether or not it ever had a job. One call takes a few milliseconds of Redis at most. */
  queueDetail(type: string): ReturnType<QueueReader["queueDetail"]> {
    return this.#parts.reader.queueDetail(type);
  }

  /** The position of a job, and what it may wait for; undefined if Redis does not have the job. */
  position(id: string): Promise<QueuePosition | undefined> {
    return this.#parts.reader.position(id, async () => (await this.readHeaders([id]))[0]);
  }

  /** Ids of jobs that have ended and are not known to be recorded. */
  endedIds(limit: number): Promise<string[]> {
    return this.#parts.reader.endedIds(limit);
  }

  /** The waiting, running and ended jobs of these ids that Redis has; large payloads are left out ({@link payload}). */
  read(ids: readonly string[]): Promise<Job[]> {
    return this.#parts.jobs.read(ids);
  }

  /** As {@link read}, without any payload: the cost does not depend on payloads. */
  readHeaders(ids: readonly string[]): Promise<Job[]> {
    return this.#parts.jobs.readHeaders(ids);
  }

  /** Redis's clock, epoch ms: a call that begins after this resolved sees every earlier change. */
  time(): Promise<number> {
    return this.#parts.reader.time();
  }

  /**
   * Ids of jobs that Redis has, newest first: all that pass the filters, and possibly others. Continue below the last
   * id until `isLast`. One call takes a few milliseconds of Redis.
   */
  liveIds(search: LiveSearch): Promise<LiveIds> {
    return this.#parts.reader.liveIds(search);
  }

  /** How many jobs Redis has in the range of ids that {@link liveIds} reads. */
  liveCount(below: string | undefined, from: string | undefined): Promise<number> {
    return this.#parts.reader.liveCount(below, from);
  }

  /**
   * A page of the history of changes, up to `limit` entries. The history contains changes only of times when a replica
   * watched: the latest 4,000 entries, for a minute after the last.
   * @param range `from` this entry on, oldest first; or those `before` an entry (the newest if it is undefined),
   * newest first
   */
  history(...args: Parameters<QueueReader["history"]>): Promise<HistoryEntry[]> {
    return this.#parts.reader.history(...args);
  }

  /** Takes from token buckets; the answers are in the order of the requests. */
  take(requests: readonly (readonly TokenRequest[])[]): Promise<TokenBucket[][]> {
    return takeTokens(this.#parts.connections.work, this.#parts.ns, requests);
  }

  /** The submission of an Idempotency-Key; undefined when Redis does not know the key. */
  knownKey(key: string): Promise<KnownKey | undefined> {
    return knownKey(this.#parts.connections.work, this.#parts.ns, key);
  }

  /** The ids among these that Redis does not have. */
  missing(ids: readonly string[]): Promise<string[]> {
    return this.#parts.reader.missing(ids);
  }

  /** Removes this replica from the others' view at once, instead of after a silence. It runs no more jobs. */
  leave(): Promise<void> {
    return this.#parts.leased.leave();
  }

  close(): void {
    this.#parts.reservations?.close();
    this.#parts.watches.close();
    this.destinations.close();
    this.#parts.subscriber.close();
    this.#parts.connections.close();
  }
}
