/**
 * Submissions on their way into Redis. Submissions of one event-loop tick travel in one call, and calls do not wait for
 * each other. The bytes under way are bounded: beyond the bound a submission is rejected at once, instead of filling
 * memory.
 */

import { at } from "../core/at.ts";
import { encodeSeq, SUBMITTED_HEADER } from "../core/header.ts";
import type { Submission } from "../core/job.ts";
import { encodeGroup, encodeSubmission } from "../core/packed-job.ts";
import type { LargePayload } from "../core/payload.ts";
import { isLarge, sizeOf } from "../core/payload.ts";
import { STATE_CODE } from "../core/state-code.ts";
import { CodedError, OutcomeUnknown, QueueUnavailable } from "../errors.ts";
import { outageOf } from "../observability/outage.ts";
import type { RedisClock } from "./clock.ts";
import { ADD_REPLY, ENQUEUE_REPLY, OPCODE } from "./codes.ts";
import type { Connection } from "./connection.ts";
import { encodeAddition, encodePreparation, retryText } from "./flow-arguments.ts";
import type { SubmittedFlow } from "./flow-fields.ts";
import { encodeFlow } from "./flow-fields.ts";
import { indexNames } from "./index-names.ts";
import type { PayloadStore } from "./payload-store.ts";
import type { Reservations } from "./reservation.ts";
import { scripts } from "./scripts.ts";

/**
 * Bounds of one call, unless a single submission is larger: jobs and their tags (about 15 ms of Redis), characters
 * (about 10 ms of the event loop).
 */
const MAX_JOBS_PER_CALL = 2_000;
const MAX_CHARS_PER_CALL = 4 * 1024 * 1024;
const MAX_BYTES_UNDER_WAY = 64 * 1024 * 1024;

export interface Submitted {
  readonly ids: readonly string[];
  readonly submissions: readonly Submission[];
  /** The parsed payload of a single job, if it was parsed. It belongs to the handler, if the job is leased at once. */
  readonly payload?: unknown;
  readonly idempotency?:
    | {
        /** The key, joined with its scope, without spaces. */
        readonly key: string;
        /** Differs for another body under the same key; without spaces. */
        readonly fingerprint: string;
        readonly ttlMs: number;
      }
    | undefined;
  /** Epoch ms, Redis's: later than that it fails with `QueueUnavailable`, unsent. */
  readonly sendBy?: number;
  /** What the jobs have to do with a flow. A new flow may have no jobs. */
  readonly flow?: SubmittedFlow | undefined;
}

/**
 * enqueued · replayed: an earlier submission with this key and the same body made the job `firstId` · conflict: one
 * with another body · failed: `QueueUnavailable` if nothing has changed, `OutcomeUnknown` if that is unknown;
 * with `firstId` if it concerns the jobs of an earlier try with this key · closed, full, missing: the jobs were not
 * added to a batch, because that is closed, has the most jobs or additions that it may have, or is not in Redis ·
 * running: the flow runs already, and not because of this retry, or another retry is prepared, or what was prepared for this
 * one is gone.
 */
export type Enqueued =
  | { readonly kind: "enqueued" }
  | { readonly kind: "replayed" | "conflict"; readonly firstId: string }
  | { readonly kind: keyof typeof ADD_REPLY }
  | { readonly kind: "failed"; readonly error: CodedError; readonly firstId?: string };

export type EnqueueDone = (answer: Enqueued) => void;

interface Pending {
  readonly submitted: Submitted;
  readonly done: EnqueueDone;
  readonly flow: EncodedFlow | undefined;
}

/** The arguments of a submission that has to do with a flow. */
interface EncodedFlow {
  readonly args: readonly string[];
  /** Whether a job waits for others of its flow. */
  readonly isWaiting: (submission: Submission) => boolean;
}

export interface EnqueuerOptions {
  readonly ns: string;
  /** The id of this replica if it runs jobs, and so wakes itself; else "". */
  readonly replica: string;
  readonly timeoutMs: number;
  readonly leaseMs: number;
  /** Jobs wait now. */
  readonly onEnqueued: () => void;
  /** A script has left work for flows. */
  readonly onFlowWork: () => void;
  /** Where jobs run here: it reserves slots for jobs that a call may lease at once. */
  readonly reservations: Reservations | undefined;
  /** Stores large payloads, on the same connection; undefined for submissions that have none. */
  readonly payloads: PayloadStore | undefined;
}

const ENQUEUED: Enqueued = { kind: "enqueued" };

export class Enqueuer {
  readonly #connection: Connection;
  readonly #clock: RedisClock;
  readonly #options: EnqueuerOptions;
  #pending: Pending[] = [];
  #bytesUnderWay = 0;
  /** Calls under way; each answers its submissions, and rejects only for a bug in this program. */
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
      this.#pending.push({
        submitted,
        done,
        flow: submitted.flow && encodedFlow(submitted.flow, submitted.ids.length),
      });
    }
  }

  /** Sends as many submissions as one call carries, and the others with the next turn of the event loop. */
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
    const { ns, replica, timeoutMs, leaseMs, reservations, payloads, onEnqueued, onFlowWork } = this.#options;
    const submitted = batch.map((pending) => pending.submitted);
    const reservation = reservations?.make(batch.map(leasable));
    const notAfter = sentOn + timeoutMs;
    const args = [ns, String(notAfter), replica, encodeSeq(reservation?.seq ?? 0), String(leaseMs)];
    const large = payloads ? largeOf(batch) : NONE;
    for (const [id] of large) args.push(OPCODE.storedPayload + id);
    if (reservation) for (const type of reservation.types.keys()) args.push(OPCODE.lease + type);
    pushArguments(args, batch);
    let bytes = 0;
    for (const arg of args) bytes += arg.length;
    for (const [, payload] of large) bytes += payload.size;
    this.#bytesUnderWay += bytes;
    const sentAt = performance.now();
    let reply: readonly (number | string)[];
    let now: number;
    // The script checks that each payload is stored. Where Redis rejected one (its memory is full), the script changes
    // nothing.
    const puts = large.map(
      ([id, payload]) => payloads?.put(id, payload, timeoutMs).catch(() => undefined) ?? Promise.resolve(),
    );
    try {
      reply = (await this.#connection.run(scripts.enqueue, args, timeoutMs)) as readonly (number | string)[];
      now = Number(reply[0]);
      this.#clock.learn(now, sentAt, performance.now()); // above all from a late call: the next may be in time
      if (reply[1] === ENQUEUE_REPLY.late)
        throw new QueueUnavailable("Redis ran this submission too late; nothing was changed");
      if (reply[1] === ENQUEUE_REPLY.payloadMissing)
        throw new QueueUnavailable("Redis rejected the payload; nothing was changed");
    } catch (thrown) {
      const error =
        thrown instanceof CodedError
          ? thrown
          : new OutcomeUnknown(`Redis did not answer as expected: ${outageOf(thrown)}`, thrown);
      for (const { done } of batch) done({ kind: "failed", error });
      if (reservation && error instanceof OutcomeUnknown)
        await reservations?.resolve(reservation, submitted, notAfter, sentAt);
      else if (reservation) reservations?.release(reservation.types);
      return;
    } finally {
      if (puts.length > 0) await Promise.all(puts);
      this.#bytesUnderWay -= bytes;
    }
    if (reply[1] === ENQUEUE_REPLY.work) onFlowWork();
    const codes = String(reply[2]);
    if (codes === "" || codes.includes(STATE_CODE.queued) || codes.includes(STATE_CODE.scheduled)) onEnqueued();
    answer(batch, reply);
    await Promise.resolve(); // the answers go out before anything runs (api/outgoing.ts)
    if (reservation) reservations?.granted(reservation, submitted, codes, now, sentAt);
  }
}

const NONE: readonly (readonly [string, LargePayload])[] = [];

/** The large payloads of a call, with the ids of their jobs. */
function largeOf(batch: readonly Pending[]): readonly (readonly [string, LargePayload])[] {
  return batch.flatMap(({ submitted: { ids, submissions } }) =>
    submissions.flatMap(({ payload }, i) => (isLarge(payload) ? [[at(ids, i), payload] as const] : [])),
  );
}

/**
 * The submissions that may still be sent; the others are answered. This process may have been frozen since it received
 * them.
 */
function inTime(pending: readonly Pending[], now: number): readonly Pending[] {
  const isLate = ({ submitted: { sendBy } }: Pending): boolean => sendBy !== undefined && sendBy < now;
  if (!pending.some(isLate)) return pending;
  const error = new QueueUnavailable("this submission waited too long to be sent to Redis; nothing was changed");
  for (const each of pending) if (isLate(each)) each.done({ kind: "failed", error });
  return pending.filter((each) => !isLate(each));
}

function encodedFlow(flow: SubmittedFlow, jobs: number): EncodedFlow {
  if (flow.kind === "add") return { args: [encodeAddition(flow, jobs)], isWaiting: () => false };
  if (flow.kind === "prepare") return { args: [encodePreparation(flow, jobs)], isWaiting: () => true };
  const { args, isWaiting } = encodeFlow(flow);
  return { args, isWaiting: ({ options }) => options.flow !== undefined && isWaiting(options.flow.at) };
}

/** The jobs that may be leased at once. */
function leasable({ submitted, flow }: Pending): Pick<Submitted, "submissions"> {
  return flow ? { submissions: submitted.submissions.filter((one) => !flow.isWaiting(one)) } : submitted;
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
    for (const { payload, options } of submissions) {
      chars += sizeOf(payload);
      if (options.tags) jobs += options.tags.length;
    }
    if (count > 0 && (jobs > MAX_JOBS_PER_CALL || chars > MAX_CHARS_PER_CALL)) break;
    count += 1;
  }
  return count;
}

/**
 * Appends the arguments of enqueue.lua. Consecutive jobs of the same type, priority and group share one argument for
 * these, and one for the same names in the index.
 */
function pushArguments(args: string[], batch: readonly Pending[]): void {
  let before: Submission | undefined;
  let namesBefore = "";
  for (const { submitted, flow } of batch) {
    const { ids, submissions, idempotency } = submitted;
    const header = idempotency || flow || ids.length > 1 ? args.push("") : 0;
    if (header > 0) before = undefined; // the script may skip the arguments of one submission
    if (flow) for (const arg of flow.args) args.push(arg);
    let waits = false as boolean; // the callback below changes it
    submissions.forEach((submission, i) => {
      if (
        submission.type !== before?.type ||
        submission.priority !== before.priority ||
        submission.groupKey !== before.groupKey
      ) {
        args.push(`${OPCODE.common}${submission.type}|${submission.priority}|${encodeGroup(submission)}`);
        before = submission;
        namesBefore = "";
      }
      const names = indexNames(submission);
      if (names !== namesBefore) args.push(OPCODE.index + names);
      namesBefore = names;
      if (flow && flow.isWaiting(submission) !== waits) {
        waits = !waits;
        args.push(waits ? `${OPCODE.waits}1` : OPCODE.waits);
      }
      if (submission.options.run_at !== undefined) args.push(OPCODE.runAt + String(submission.options.run_at));
      const packed = encodeSubmission(submission);
      args.push(at(ids, i) + (waits ? STATE_CODE.waiting + packed.slice(SUBMITTED_HEADER.state.end) : packed));
    });
    if (header === 0) continue;
    if (waits) args.push(OPCODE.waits);
    args[header - 1] = `${OPCODE.submission}${args.length - header}${keyText(idempotency, retryText(submitted.flow))}`;
    before = undefined;
  }
}

/** The idempotency key of a submission, and the retry that it is, as enqueue.lua takes them. */
function keyText(idempotency: Submitted["idempotency"], retry: string | undefined): string {
  if (!idempotency) return retry === undefined ? "" : `    ${retry}`;
  const { key, fingerprint, ttlMs } = idempotency;
  return ` ${key} ${fingerprint} ${ttlMs}${retry === undefined ? "" : ` ${retry}`}`;
}

/**
 * The reply names only the submissions whose key was known, those that were not added to a batch or prepared, and retries
 * that did not take place: the index among those with a key, for a batch, or of or for a retry; "replayed", "conflict" or
 * {@link ADD_REPLY}; the first id.
 */
function answer(batch: readonly Pending[], reply: readonly (number | string)[]): void {
  let next = 3;
  let keyed = -1;
  for (const { submitted, done } of batch) {
    const { idempotency, flow } = submitted;
    const isOfOther = flow?.kind === "add" || flow?.kind === "prepare";
    const isNamed = idempotency !== undefined || isOfOther || retryText(flow) !== undefined;
    if (isNamed) keyed += 1;
    if (!isNamed || reply[next] !== keyed) {
      done(ENQUEUED); // now, or by an earlier call
      continue;
    }
    const kind = String(reply[next + 1]);
    done(
      kind in ADD_REPLY
        ? { kind: kind as keyof typeof ADD_REPLY }
        : { kind: kind === "replayed" ? "replayed" : "conflict", firstId: String(reply[next + 2]) },
    );
    next += 3;
  }
}
