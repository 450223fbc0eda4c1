/**
 * Submissions on their way into Redis. Those of one event-loop tick travel in one call, and calls do not wait for each
 * other. What is under way is bounded: beyond it a submission is refused at once, instead of filling memory.
 */

import type { Submission } from "../core/job.ts";
import { encodeGroup, encodeSeq, encodeSubmission } from "../core/packed-job.ts";
import type { LargePayload } from "../core/payload.ts";
import { isLarge, sizeOf } from "../core/payload.ts";
import { OutcomeUnknown, QueueUnavailable, TaskFlowError } from "../errors.ts";
import { outageOf } from "../observability/outage.ts";
import type { RedisClock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { PayloadStore } from "./payload-store.ts";
import type { Reservations } from "./reservation.ts";
import { scripts } from "./scripts.ts";

/** One call carries at most so many jobs (about 15 ms of Redis) and characters (about 10 ms of the event loop), unless a single submission is larger. */
const MAX_JOBS_PER_CALL = 2_000;
const MAX_CHARS_PER_CALL = 4 * 1024 * 1024;
const MAX_BYTES_UNDER_WAY = 64 * 1024 * 1024;

export interface Submitted {
  readonly ids: readonly string[];
  readonly submissions: readonly Submission[];
  /** Of a single job, where somebody has parsed it: what its payload says. It is the handler's, if the job is leased at once. */
  readonly payload?: unknown;
  readonly idempotency?:
    | {
        /** What the key is known by: already joined with its scope, without spaces. */
        readonly key: string;
        /** What tells another body under the same key: without spaces. */
        readonly fingerprint: string;
        readonly ttlMs: number;
      }
    | undefined;
  /** Epoch ms, Redis's: later it is not sent, but fails with `QueueUnavailable`. */
  readonly sendBy?: number;
}

/**
 * enqueued · replayed: this key made the job `firstId` before, from the same body · conflict: from another body ·
 * failed: `QueueUnavailable` where nothing was changed, `OutcomeUnknown` where nobody knows; `firstId` where it concerns the jobs of an
 * earlier try with this key.
 */
export type Enqueued =
  | { readonly kind: "enqueued" }
  | { readonly kind: "replayed" | "conflict"; readonly firstId: string }
  | { readonly kind: "failed"; readonly error: TaskFlowError; readonly firstId?: string };

export type EnqueueDone = (answer: Enqueued) => void;

interface Pending {
  readonly submitted: Submitted;
  readonly done: EnqueueDone;
}

export interface EnqueuerOptions {
  readonly ns: string;
  /** The replica that may take the wake-up itself, or "". */
  readonly replica: string;
  readonly timeoutMs: number;
  readonly leaseMs: number;
  /** There are jobs that wait. */
  readonly onEnqueued: () => void;
  /** Where jobs run here: what a call may lease at once. */
  readonly reservations: Reservations | undefined;
  /** Where submissions have large payloads: what stores them, on the same connection. */
  readonly payloads: PayloadStore | undefined;
}

const ENQUEUED: Enqueued = { kind: "enqueued" };

export class Enqueuer {
  readonly #connection: Connection;
  readonly #clock: RedisClock;
  readonly #options: EnqueuerOptions;
  #pending: Pending[] = [];
  #bytesUnderWay = 0;
  /** Calls under way; each settles its submissions, and rejects for nothing but a fault of this program. */
  readonly #calls = new Set<Promise<void>>();
  readonly #flush = (): void => this.#send();

  constructor(connection: Connection, clock: RedisClock, options: EnqueuerOptions) {
    this.#connection = connection;
    this.#clock = clock;
    this.#options = options;
  }

  enqueue(submitted: Submitted, done: EnqueueDone): void {
    if (!this.#connection.isReady) {
      done({ kind: "failed", error: new QueueUnavailable("Redis is away") });
    } else if (this.#bytesUnderWay > MAX_BYTES_UNDER_WAY) {
      done({ kind: "failed", error: new QueueUnavailable("too many submissions are under way") });
    } else {
      if (this.#pending.length === 0) setImmediate(this.#flush);
      this.#pending.push({ submitted, done });
    }
  }

  /** Sends what is there, and what is too much for one call with the next turn of the event loop. */
  #send(): void {
    const batch = this.#pending;
    this.#pending = batch.splice(fittingOf(batch));
    if (this.#pending.length > 0) setImmediate(this.#flush);
    const call = this.#call(batch).finally(() => this.#calls.delete(call));
    this.#calls.add(call);
  }

  async #call(pending: readonly Pending[]): Promise<void> {
    const sentOn = this.#clock.now();
    const batch = inTime(pending, sentOn);
    if (batch.length === 0) return;
    const { ns, replica, timeoutMs, leaseMs, reservations, payloads, onEnqueued } = this.#options;
    const submitted = batch.map((pending) => pending.submitted);
    const reservation = reservations?.make(submitted);
    const notAfter = sentOn + timeoutMs;
    const args = [ns, String(notAfter), replica, encodeSeq(reservation?.seq ?? 0), String(leaseMs)];
    const large = payloads ? largeOf(batch) : NONE;
    for (const [id] of large) args.push(`^${id}`);
    if (reservation) for (const type of reservation.types.keys()) args.push(`+${type}`);
    pushArguments(args, batch);
    let bytes = 0;
    for (const arg of args) bytes += arg.length;
    for (const [, payload] of large) bytes += payload.size;
    this.#bytesUnderWay += bytes;
    const sentAt = performance.now();
    let reply: readonly (number | string)[];
    let now: number;
    // A payload that Redis did not take (its memory is full) is missed by the script, which then changes nothing.
    const puts = large.map(
      ([id, payload]) => payloads?.put(id, payload, timeoutMs).catch(() => undefined) ?? Promise.resolve(),
    );
    try {
      reply = (await this.#connection.run(scripts.enqueue, args, timeoutMs)) as readonly (number | string)[];
      now = Number(reply[0]);
      this.#clock.learn(now, sentAt, performance.now()); // from one that came too late, above all: the next may be in time
      if (reply[1] === 0)
        throw new QueueUnavailable("Redis took too long to get to this submission; nothing was changed");
      if (reply[1] === 2) throw new QueueUnavailable("Redis did not take the payload; nothing was changed");
    } catch (thrown) {
      const error =
        thrown instanceof TaskFlowError
          ? thrown
          : new OutcomeUnknown(`Redis did not answer as it should: ${outageOf(thrown)}`, thrown);
      for (const { done } of batch) done({ kind: "failed", error });
      if (reservation && error instanceof OutcomeUnknown)
        await reservations?.resolve(reservation, submitted, notAfter, sentAt);
      else if (reservation) reservations?.release(reservation.types);
      return;
    } finally {
      if (puts.length > 0) await Promise.all(puts);
      this.#bytesUnderWay -= bytes;
    }
    const letters = String(reply[2]);
    if (letters === "" || /[qs]/.test(letters)) onEnqueued();
    answer(batch, reply);
    await Promise.resolve(); // the answers go out before anything runs (api/outgoing.ts)
    if (reservation) reservations?.granted(reservation, submitted, letters, now, sentAt);
  }
}

const NONE: readonly (readonly [string, LargePayload])[] = [];

/** The large payloads of a call, with the ids of their jobs. */
function largeOf(batch: readonly Pending[]): readonly (readonly [string, LargePayload])[] {
  return batch.flatMap(({ submitted: { ids, submissions } }) =>
    submissions.flatMap(({ payload }, i) => (isLarge(payload) ? [[ids[i] ?? "", payload] as const] : [])),
  );
}

/** Those that may still be sent; the others are answered. This process may have been frozen since they were handed over. */
function inTime(pending: readonly Pending[], now: number): readonly Pending[] {
  const isLate = ({ submitted: { sendBy } }: Pending): boolean => sendBy !== undefined && sendBy < now;
  if (!pending.some(isLate)) return pending;
  const error = new QueueUnavailable("this submission took too long on its way to Redis; nothing was changed there");
  for (const each of pending) if (isLate(each)) each.done({ kind: "failed", error });
  return pending.filter((each) => !isLate(each));
}

/** How many submissions one call carries. */
function fittingOf(pending: readonly Pending[]): number {
  let jobs = 0;
  let chars = 0;
  let count = 0;
  for (const {
    submitted: { submissions },
  } of pending) {
    jobs += submissions.length;
    for (const { payload } of submissions) chars += sizeOf(payload);
    if (count > 0 && (jobs > MAX_JOBS_PER_CALL || chars > MAX_CHARS_PER_CALL)) break;
    count += 1;
  }
  return count;
}

/** Appends the arguments of enqueue.lua. Jobs in a row that agree in type, priority and group share what says so. */
function pushArguments(args: string[], batch: readonly Pending[]): void {
  let before: Submission | undefined;
  for (const {
    submitted: { ids, submissions, idempotency },
  } of batch) {
    const header = idempotency || ids.length > 1 ? args.push("") : 0;
    if (header > 0) before = undefined; // the script may pass over the arguments of one submission
    submissions.forEach((submission, i) => {
      if (
        submission.type !== before?.type ||
        submission.priority !== before.priority ||
        submission.groupKey !== before.groupKey
      ) {
        args.push(`>${submission.type}|${submission.priority}|${encodeGroup(submission)}`);
        before = submission;
      }
      if (submission.options.run_at !== undefined) args.push(`@${submission.options.run_at}`);
      args.push((ids[i] ?? "") + encodeSubmission(submission));
    });
    if (header === 0) continue;
    args[header - 1] =
      `#${args.length - header}${idempotency ? ` ${idempotency.key} ${idempotency.fingerprint} ${idempotency.ttlMs}` : ""}`;
    before = undefined;
  }
}

/** The reply names only the submissions whose key was known: which of those with a key, verdict, first id. */
function answer(batch: readonly Pending[], reply: readonly (number | string)[]): void {
  let at = 3;
  let keyed = -1;
  for (const { submitted, done } of batch) {
    if (submitted.idempotency) keyed += 1;
    if (!submitted.idempotency || reply[at] !== keyed) {
      done(ENQUEUED); // now, or by an earlier call
      continue;
    }
    done({ kind: reply[at + 1] === "replayed" ? "replayed" : "conflict", firstId: String(reply[at + 2]) });
    at += 3;
  }
}
