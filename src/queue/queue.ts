/**
 * The queue: thin typed calls of the scripts, always in batches. Every call is safe to repeat, so a caller that got
 * `OutcomeUnknown` may simply call again (claim with the same seq).
 */

import type { CallbackOf, Job, Submission } from "../core/job.ts";
import { digits, encodeSeq, encodeSubmission } from "../core/packed-job.ts";
import { asStored, isLarge, LARGE_PAYLOAD_LENGTH } from "../core/payload.ts";
import { savedLine } from "../core/saved-state.ts";
import { messageOf, QueueUnavailable } from "../errors.ts";
import { checkAccess } from "./access.ts";
import type { CancelAnswer } from "./cancellation.ts";
import { cancelledJob, encodeCancellation, jobOfSubmission, WITHDRAWN_MS } from "./cancellation.ts";
import type { HistoryEntry } from "./changes.ts";
import type { Claim, FreeSlots } from "./claim.ts";
import { decodeClaim, encodeClaim } from "./claim.ts";
import { RedisClock } from "./clock.ts";
import type { Reply } from "./connection.ts";
import { Connection } from "./connection.ts";
import type { JobCounts } from "./counts.ts";
import { readJobCounts } from "./counts.ts";
import { RedisDestinations } from "./destinations.ts";
import type { EnqueueDone, Submitted } from "./enqueuer.ts";
import { Enqueuer } from "./enqueuer.ts";
import { IdSource } from "./ids.ts";
import { JobReader } from "./job-reader.ts";
import { PayloadStore } from "./payload-store.ts";
import type { QueuePosition } from "./position.ts";
import { readPosition } from "./position.ts";
import type { ReachHooks } from "./reach.ts";
import { Reach } from "./reach.ts";
import type { Runner } from "./reservation.ts";
import { Reservations } from "./reservation.ts";
import { scripts } from "./scripts.ts";
import type { ServerInfo } from "./server-info.ts";
import { readInfo } from "./server-info.ts";
import type { SettleAnswer, Settlement } from "./settlement.ts";
import { encodeSettlements } from "./settlement.ts";
import { Subscriber } from "./subscriber.ts";
import type { Taking, TokenBucket } from "./token-buckets.ts";
import { decodeTokenBuckets, encodeTakings } from "./token-buckets.ts";
import type { WatchHooks, WatchOptions } from "./watch.ts";
import { Watch } from "./watch.ts";

/** How long a call other than a submission may take. Above what a slow fsync or a failover needs, below a lease. */
const CALL_TIMEOUT_MS = 5_000;
/** Nothing depends on it, and it stands at the end of a drain. */
const LEAVE_TIMEOUT_MS = 500;

function isSmall({ payload }: Submission): boolean {
  return typeof payload === "string" && payload.length <= LARGE_PAYLOAD_LENGTH;
}

export interface QueueOptions {
  readonly url: string;
  /** The hash-tagged name that all keys begin with: `taskflow:0` gives `{taskflow:0}:`. Its number is the shard. */
  readonly namespace: string;
  /** This process, for this boot: eight characters. */
  readonly replica: string;
  readonly leaseMs: number;
  /** Whether this replica runs jobs, and so may take the wake-up of what it enqueues itself. */
  readonly runsJobs: boolean;
  /** Where jobs run here, and an enqueue may lease its own at once. */
  readonly runner?: Runner;
  readonly submitTimeoutMs: number;
  readonly onRoundTrip: (script: string, seconds: number) => void;
  /** Reports from here opened so many destinations: nothing is sent to them for a while. */
  readonly onDestinationsOpened?: (destinations: number) => void;
  readonly onError: (error: Error) => void;
  /** What becomes of the connections to Redis, all as one. */
  readonly reach?: ReachHooks;
  /** Work came in, here or at another replica: a hint to claim. */
  readonly onWake: () => void;
  /** Another replica was asked to cancel a job that runs here. */
  readonly onCancel: (id: string) => void;
}

export class Queue {
  readonly clock = new RedisClock();
  readonly ids: IdSource;
  /** The hosts that attempts send to, shared by all replicas. */
  readonly destinations: RedisDestinations;
  readonly #options: QueueOptions;
  readonly #ns: string;
  readonly #submissions: Connection;
  /** Claims, renewals and settles wait behind neither submissions nor readers. */
  readonly #work: Connection;
  readonly #reads: Connection;
  /** Large payloads, in both directions. */
  readonly #bytes: Connection;
  readonly #reader: JobReader;
  readonly #payloads: PayloadStore;
  readonly #enqueuer: Enqueuer;
  /** Submissions with large payloads: no other travels with them, or waits for them. */
  readonly #largeEnqueuer: Enqueuer;
  readonly #reservations: Reservations | undefined;
  readonly #subscriber: Subscriber;
  readonly #watches: Watch[] = [];
  #lastRoundTripAt = Number.NEGATIVE_INFINITY;

  constructor(options: QueueOptions) {
    const { replica, runner } = options;
    this.#options = options;
    this.#ns = `{${options.namespace}}:`;
    this.ids = new IdSource(() => this.clock.now(), Number(/\d+$/.exec(options.namespace)?.[0] ?? 0) & 0xfff);
    const onRoundTrip = (script: string, seconds: number): void => {
      this.#lastRoundTripAt = performance.now();
      options.onRoundTrip(script, seconds);
    };
    const reach = new Reach(options.reach ?? { onLost: options.onError, onBack: () => undefined });
    const hooksOf = (name: string) => {
      const { onError, onReady } = reach.of(name);
      return {
        onRoundTrip,
        onError,
        onReady: () => {
          onReady();
          options.onWake();
        },
      };
    };
    this.#submissions = new Connection(options.url, hooksOf("submissions"), "submissions");
    this.#work = new Connection(options.url, hooksOf("work"), "work");
    this.#reads = new Connection(options.url, hooksOf("reads"), "reads");
    this.#bytes = new Connection(options.url, hooksOf("payloads"), "payloads");
    this.#reader = new JobReader(this.#reads, this.#ns);
    this.#payloads = new PayloadStore(this.#bytes, this.#ns);
    this.destinations = new RedisDestinations(this.#work, {
      ...options,
      ns: this.#ns,
      clock: this.clock,
      onOpened: options.onDestinationsOpened ?? (() => undefined),
    });
    if (runner && options.runsJobs)
      this.#reservations = new Reservations({
        replica,
        runner,
        now: () => this.clock.now(),
        read: (ids) => this.read(ids),
      });
    const enqueuing = {
      ns: this.#ns,
      replica: options.runsJobs ? options.replica : "",
      timeoutMs: options.submitTimeoutMs,
      leaseMs: options.leaseMs,
      onEnqueued: options.runsJobs ? options.onWake : () => undefined,
      reservations: this.#reservations,
    };
    this.#enqueuer = new Enqueuer(this.#submissions, this.clock, { ...enqueuing, payloads: undefined });
    this.#largeEnqueuer = new Enqueuer(this.#bytes, this.clock, { ...enqueuing, payloads: this.#payloads });
    const heard = reach.of("subscriber");
    const onReady = (): void => {
      heard.onReady();
      this.#watches.forEach((watch) => watch.reconnected());
    };
    this.#subscriber = new Subscriber(options.url, `${this.#ns}to:${options.replica}`, {
      ...options,
      onError: heard.onError,
      onReady,
    });
  }

  /**
   * Waits until Redis answers, sees whether it may be used, and learns its clock.
   * @returns warnings of what the user of REDIS_ADDR may not do, a sentence each
   * @throws StartError for a server that cannot be used, and what went wrong last where there is no connection
   */
  async open(timeoutMs: number): Promise<string[]> {
    await Promise.all(
      [this.#submissions, this.#work, this.#reads, this.#bytes].map((connection) => connection.opened(timeoutMs)),
    );
    const warnings = await checkAccess(this.#work, { ns: this.#ns, timeoutMs });
    await this.#work.loadScripts(timeoutMs);
    await this.#subscriber.open(timeoutMs);
    const sentAt = performance.now();
    const [seconds, micros] = (await this.#work.send("time", [], timeoutMs)) as [string, string];
    this.clock.learn(Number(seconds) * 1_000 + Number(micros) / 1_000, sentAt, performance.now());
    return warnings;
  }

  /** How long a claimed job stays with this replica without a renewal, in milliseconds. */
  get leaseMs(): number {
    return this.#options.leaseMs;
  }

  /** How long ago a script last made its round trip, in milliseconds: what `ready` goes by. */
  get silentMs(): number {
    return performance.now() - this.#lastRoundTripAt;
  }

  /** Whether a submission would be sent now, rather than refused. */
  get isReady(): boolean {
    return this.#submissions.isReady;
  }

  /** What CONFIG GET says of one setting; undefined where the server does not let us ask. */
  async setting(name: string): Promise<string | undefined> {
    try {
      const reply = await this.#work.send("config", ["GET", name], CALL_TIMEOUT_MS);
      return Array.isArray(reply) ? (reply[1] as string | undefined) : undefined;
    } catch {
      return undefined; // hosted servers refuse CONFIG; then nobody can say
    }
  }

  /** What the server says of itself; nothing where the user may not ask. */
  async serverInfo(): Promise<ServerInfo> {
    return readInfo(await this.#info());
  }

  async #info(...sections: readonly string[]): Promise<string> {
    try {
      return String(await this.#work.send("info", sections, CALL_TIMEOUT_MS));
    } catch (error) {
      if (error instanceof QueueUnavailable && /^NOPERM/.test(messageOf(error.cause))) return "";
      throw error;
    }
  }

  /** Writes down which layout the keys have, unless a newer one is written down. @returns the one that is written down now */
  async declareLayout(own: string): Promise<string> {
    const key = `${this.#ns}layout`;
    const before = await this.#work.send("set", [key, own, "NX", "GET"], CALL_TIMEOUT_MS);
    if (typeof before !== "string") return own;
    if (!(Number(before) < Number(own))) return before;
    await this.#work.send("set", [key, own], CALL_TIMEOUT_MS);
    return own;
  }

  /** Writes down which installation the namespace belongs to, unless it belongs to one. @returns the one that it belongs to now */
  async declareInstallation(own: string): Promise<string> {
    const before = await this.#work.send("set", [`${this.#ns}installation`, own, "NX", "GET"], CALL_TIMEOUT_MS);
    return typeof before === "string" ? before : own;
  }

  /**
   * Enqueues one submission of one or more jobs, as a whole. Submissions of one event-loop tick travel in one call.
   * `done` is called exactly once, within the submit timeout.
   */
  enqueue(submitted: Submitted, done: EnqueueDone): void {
    if (submitted.submissions.every(isSmall)) this.#enqueuer.enqueue(submitted, done);
    else
      this.#largeEnqueuer.enqueue(
        { ...submitted, submissions: submitted.submissions.map((one) => ({ ...one, payload: asStored(one.payload) })) },
        done,
      );
  }

  /**
   * The bytes of a job's large payload, in memory of their own; undefined where Redis has none.
   * @param size of the payload: fetches are bounded by it
   * @throws QueueUnavailable and OutcomeUnknown, as all calls here
   */
  payload(id: string, size: number): Promise<Buffer<ArrayBuffer> | undefined> {
    return this.#payloads.fetch(id, size);
  }

  /**
   * The atomic dequeue.
   * @param seq repeat the last number to get the same jobs again, after an answer that was lost
   * @param suspectSlots 1 when a job that has lost two leases before may start, else 0
   */
  async claim(seq: number, poisonCandidateSlots: 0 | 1, free: FreeSlots): Promise<Claim> {
    const { replica, leaseMs } = this.#options;
    const request = { replica, leaseMs, seq, notAfter: this.clock.now() + CALL_TIMEOUT_MS, poisonCandidateSlots, free };
    return decodeClaim(await this.#timed(scripts.claim, encodeClaim(this.#ns, request)), request);
  }

  /**
   * Renews the leases of the jobs that run here and shows this replica to the others.
   * @param about what this replica says of itself: JSON
   * @returns the ids whose work should stop, with the reason
   */
  async renew(
    running: Iterable<{ readonly id: string; readonly claimSeq: number; readonly progress: number | null }>,
    about: string,
  ): Promise<Map<string, "lost" | "cancelled">> {
    const { replica, leaseMs } = this.#options;
    const args = [this.#ns, replica, String(leaseMs), String(Math.max(leaseMs, 3_000)), about];
    for (const { id, claimSeq, progress } of running) {
      args.push(id, encodeSeq(claimSeq), progress === null ? "---" : digits(Math.round(progress), 3));
    }
    const [, ...stops] = (await this.#timed(scripts.renew, args)) as [number, ...string[]];
    const answer = new Map<string, "lost" | "cancelled">();
    for (let i = 0; i < stops.length; i += 2) answer.set(stops[i] ?? "", stops[i + 1] as "lost" | "cancelled");
    return answer;
  }

  /** Writes down the progress of jobs that run here, 0 to 100, and tells whoever watches. */
  async reportProgress(
    running: readonly { readonly id: string; readonly claimSeq: number; readonly progress: number }[],
  ): Promise<void> {
    const args = [this.#ns, this.#options.replica];
    for (const { id, claimSeq, progress } of running) args.push(id, encodeSeq(claimSeq), digits(progress, 3));
    await this.#work.run(scripts.progress, args, CALL_TIMEOUT_MS);
  }

  /**
   * Keeps what the handler of a job that runs here wants its next attempt to find, in place of what it saved before.
   * @param state a JSON text
   * @returns false where the job's lease is not this replica's any more: nothing was changed
   */
  async save(job: Pick<Job, "id" | "claimSeq" | "attempt" | "worker" | "startedAt">, state: string): Promise<boolean> {
    const args = [
      this.#ns,
      this.#options.replica,
      job.id,
      encodeSeq(job.claimSeq),
      savedLine(job, state, this.clock.now()),
    ];
    return (await this.#work.run(scripts.save, args, CALL_TIMEOUT_MS)) === 1;
  }

  /** Settles attempts; the answers are in the order of the arguments. */
  async settle(settlements: readonly Settlement[], outboxOwnedMs: number): Promise<SettleAnswer[]> {
    await this.#payloads.putAll(settlements.map(({ callback }) => callback));
    const args = encodeSettlements(this.#ns, settlements, this.#options.replica, outboxOwnedMs);
    const [, letters] = (await this.#timed(scripts.settle, args)) as [number, string];
    return Array.from(letters) as SettleAnswer[];
  }

  /** Forgets jobs that Postgres holds. */
  async forget(jobs: readonly (Pick<Job, "id" | "type"> & Partial<Pick<Job, "payload">>)[]): Promise<void> {
    const byType = new Map<string, string[]>();
    for (const { id, type, payload } of jobs) {
      const kind = payload !== undefined && isLarge(payload) ? `>${type}` : type;
      const ids = byType.get(kind);
      if (ids) ids.push(id);
      else byType.set(kind, [id]);
    }
    const args = [this.#ns];
    for (const [kind, ids] of byType) args.push(kind, String(ids.length), ...ids);
    await this.#work.run(scripts.forget, args, CALL_TIMEOUT_MS);
  }

  /**
   * Cancels a job. One that waits ends here and now, and its callback is enqueued with that.
   * @param accepted of a job that Redis may not have: what Postgres has accepted. It is withdrawn, then: put into the outbox as cancelled
   */
  async cancel(
    id: string,
    outboxOwnedMs: number,
    callbackOf: CallbackOf,
    accepted?: Submission,
  ): Promise<CancelAnswer> {
    for (;;) {
      const [live] = await this.read([id]);
      const job = live ?? (accepted && jobOfSubmission(id, accepted));
      if (!job) return { kind: "missing" };
      const { callback, args } = encodeCancellation(
        job,
        this.clock.now(),
        callbackOf,
        live ? "" : encodeSubmission(job),
      );
      await this.#payloads.putAll([live ? undefined : { id, submission: job }, callback]);
      const ownedMs = live ? outboxOwnedMs : WITHDRAWN_MS;
      const [kind, state = ""] = (await this.#work.run(
        scripts.cancel,
        [this.#ns, id, String(ownedMs), ...args],
        CALL_TIMEOUT_MS,
      )) as [CancelAnswer["kind"] | "changed", string?];
      if (kind === "missing") return { kind };
      if (kind !== "changed") return { kind, job: cancelledJob(job, state) };
    } // it ran meanwhile, and waits again: as it is now
  }

  /** Takes over outbox entries that their owners have not recorded in time. */
  async sweep(outboxOwnedMs: number, limit: number): Promise<Job[]> {
    const ids = (await this.#work.run(
      scripts.sweep,
      [this.#ns, String(outboxOwnedMs), String(limit)],
      CALL_TIMEOUT_MS,
    )) as string[];
    return this.read(ids);
  }

  /** From now on no replica claims jobs of this type; those that run go on, and what comes in waits. It holds over restarts of Redis. */
  async pause(type: string): Promise<void> {
    await this.#work.send("sadd", [`${this.#ns}paused`, type], CALL_TIMEOUT_MS);
  }

  /** Ends {@link pause}: replicas claim what waits at once. */
  async resume(type: string): Promise<void> {
    await this.#work.run(scripts.resume, [this.#ns, type], CALL_TIMEOUT_MS);
  }

  async jobCounts(): Promise<JobCounts> {
    return readJobCounts(await this.#reads.run(scripts.counts, [this.#ns], CALL_TIMEOUT_MS));
  }

  /** Where a job stands, and what it may wait for; undefined where Redis does not hold it. */
  async position(id: string): Promise<QueuePosition | undefined> {
    for (let tries = 1; ; tries += 1) {
      const [job] = await this.readHeaders([id]);
      if (!job) return undefined;
      const position = readPosition(
        job,
        await this.#reads.run(scripts.position, [this.#ns, id, job.type], CALL_TIMEOUT_MS),
      );
      if (job.status !== "queued" || position.ahead !== null || tries === 3) return position; // else it was claimed between the two questions
    }
  }

  /** Ids of jobs that have ended and are not known to be recorded. */
  async endedIds(limit: number): Promise<string[]> {
    return (await this.#reads.send(
      "zrange",
      [`${this.#ns}outbox`, "0", String(limit - 1)],
      CALL_TIMEOUT_MS,
    )) as string[];
  }

  /** The jobs of these ids that Redis holds, whether they wait, run, or are in the outbox; large payloads are left out ({@link payload}). */
  read(ids: readonly string[]): Promise<Job[]> {
    return this.#reader.read(ids);
  }

  /** As {@link read}, with every payload left out: it costs the same whatever payloads there are. */
  readHeaders(ids: readonly string[]): Promise<Job[]> {
    return this.#reader.readHeaders(ids);
  }

  /** Redis's clock, epoch ms: a call that begins when this has resolved sees all that changed before that time. */
  async time(): Promise<number> {
    const [seconds, micros] = (await this.#reads.send("time", [], CALL_TIMEOUT_MS)) as [string, string];
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }

  /**
   * Ids that Redis holds, newest first.
   * @param below only ids less than this one @param from only ids from this one on
   */
  async liveIds(below: string | undefined, from: string | undefined, limit: number): Promise<string[]> {
    const args = [
      `${this.#ns}live`,
      below === undefined ? "+" : `(${below}`,
      from === undefined ? "-" : `[${from}`,
      "LIMIT",
      "0",
      String(limit),
    ];
    return (await this.#reads.send("zrevrangebylex", args, CALL_TIMEOUT_MS)) as string[];
  }

  /** To be told the ids of jobs that end, 36 characters each, while somebody needs it. Closed with the queue. */
  watchEnds(hooks: WatchHooks): Watch {
    return this.#watch("awaited", "ended:", hooks);
  }

  /** To be told of every change of a job's status or progress, as changes.ts reads it, while somebody needs it. Closed with the queue. */
  watchChanges(hooks: WatchHooks): Watch {
    return this.#watch("watched", "changes:", hooks);
  }

  #watch(key: WatchOptions["key"], channel: string, hooks: WatchHooks): Watch {
    const { onError } = this.#options;
    const watch = new Watch({
      connection: this.#work,
      subscriber: this.#subscriber,
      namespace: this.#ns,
      key,
      channel: this.#ns + channel,
      onError,
      ...hooks,
    });
    this.#watches.push(watch);
    return watch;
  }

  /**
   * A page of the history of changes, up to `limit` entries. The history has only what changed while somebody watched: the latest 4,000 entries, for a
   * minute after the last.
   * @param range `from` this entry on, oldest first; or those `before` an entry (the newest where it is undefined), newest first
   */
  async history(
    range: { readonly from: string } | { readonly before: string | undefined },
    limit: number,
  ): Promise<HistoryEntry[]> {
    const [command, first, last] =
      "from" in range
        ? (["xrange", range.from, "+"] as const)
        : (["xrevrange", range.before === undefined ? "+" : `(${range.before}`, "-"] as const);
    const entries = (await this.#reads.send(
      command,
      [`${this.#ns}history`, first, last, "COUNT", String(limit)],
      CALL_TIMEOUT_MS,
    )) as [string, [string, string]][];
    return entries.map(([name, [, lines]]) => ({ name, lines }));
  }

  /** Takes from allowances; the answers are in the order of the requests. */
  async take(requests: readonly (readonly Taking[])[]): Promise<TokenBucket[][]> {
    const reply = (await this.#work.run(
      scripts.limit,
      [this.#ns, ...encodeTakings(requests)],
      CALL_TIMEOUT_MS,
    )) as number[];
    return decodeTokenBuckets(reply, requests);
  }

  /** What an Idempotency-Key stands for; undefined when Redis does not know it. */
  async knownKey(key: string): Promise<{ readonly fingerprint: string; readonly firstId: string } | undefined> {
    const value = await this.#work.send("get", [`${this.#ns}idem:${key}`], CALL_TIMEOUT_MS);
    if (typeof value !== "string") return undefined;
    const [fingerprint = "", firstId = ""] = value.split(" ");
    return { fingerprint, firstId };
  }

  /** The ids among these that Redis does not hold. */
  async missing(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const scores = (await this.#reads.send("zmscore", [`${this.#ns}live`, ...ids], CALL_TIMEOUT_MS)) as readonly (
      | string
      | null
    )[];
    return ids.filter((_, i) => scores[i] === null);
  }

  /**
   * The mark that this Redis bears; one that bears none (it is new, or came back empty) is given `fresh`.
   * `runId` is that of the server's process, new after each start; "" where it does not tell.
   */
  async generation(fresh: string): Promise<{ readonly generation: string; readonly runId: string }> {
    const [before, info] = await Promise.all([
      this.#work.send("set", [`${this.#ns}epoch`, fresh, "NX", "GET"], CALL_TIMEOUT_MS),
      this.#info("server"),
    ]);
    return { generation: typeof before === "string" ? before : fresh, runId: /run_id:(\w+)/.exec(info)?.[1] ?? "" };
  }

  /** This replica runs nothing any more: the others see at once that it is gone, and not when it has been silent for long enough. */
  async leave(): Promise<void> {
    try {
      await this.#work.send("del", [`${this.#ns}replica:${this.#options.replica}`], LEAVE_TIMEOUT_MS);
    } catch {
      // Redis is away: then it is the silence that tells.
    }
  }

  close(): void {
    this.#reservations?.close();
    for (const watch of this.#watches) watch.close();
    this.destinations.close();
    this.#subscriber.close();
    for (const connection of [this.#submissions, this.#work, this.#reads, this.#bytes]) connection.close();
  }

  /** Runs a script whose answer begins with Redis's time. */
  async #timed(script: (typeof scripts)[keyof typeof scripts], args: string[]): Promise<Reply> {
    const sentAt = performance.now();
    const reply = await this.#work.run(script, args, CALL_TIMEOUT_MS);
    if (Array.isArray(reply)) this.clock.learn(Number(reply[0]), sentAt, performance.now());
    return reply;
  }
}
