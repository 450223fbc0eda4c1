/** Cancellations: the arguments and the reply of cancel.lua. */

import { at } from "../core/at.ts";
import { encodeRecord, outcomeOf } from "../core/attempt-record.ts";
import { batchLength } from "../core/batch-limits.ts";
import { digits } from "../core/header.ts";
import type { Callback, CallbackOf, Job, JobError, Submission } from "../core/job.ts";
import { decodeSubmission, encodeSubmission, readJob, wholePacked } from "../core/packed-job.ts";
import { isLarge } from "../core/payload.ts";
import { CANCELLED, memberText } from "./flow-fields.ts";
import { indexNames } from "./index-names.ts";
import { CALL_TIMEOUT_MS } from "./queue-options.ts";
import type { ChangeParts } from "./queue-parts.ts";
import { scripts } from "./scripts.ts";

/**
 * How long a withdrawn job stays in the outbox, although it is recorded at once: while Redis has it, a restore that did
 * not find it before cannot enqueue it. A restore takes up to 20 s from its look-up, and an enqueue may be under way
 * for SUBMIT_TIMEOUT_MS, a minute at most.
 */
const WITHDRAWN_MS = 90_000;

/** Jobs of one script call, and their characters: together about 2 ms of Redis. */
const CALL_LIMITS = { maxItems: 100, maxSize: 256 * 1024 };

/** A job to cancel. */
export interface Cancellation {
  readonly id: string;
  /** If Redis may not have the job: the submission that Postgres has accepted. The job is then withdrawn. */
  readonly accepted?: Submission | undefined;
  /** Why it is cancelled, if nobody asked for it: the error of its record. It counts only for a job that does not run. */
  readonly error?: Pick<JobError, "code" | "message"> | undefined;
}

/** withdrawn: Redis did not have the job; it is cancelled before it was enqueued. */
export type CancelAnswer =
  | { readonly kind: "missing" }
  | { readonly kind: "cancelled" | "withdrawn" | "running" | "finished"; readonly job: Job };

/** A submission as the job that it becomes in Redis. */
function jobOfSubmission(id: string, submission: Submission): Job {
  return { ...decodeSubmission(id, encodeSubmission({ ...submission, payload: "" })), payload: submission.payload };
}

/**
 * The arguments of one job, and its callback.
 * @param read the callback is valid while the job has as many attempts
 * @param finishedAt epoch ms, Redis's
 */
function encodeCancellation(
  { job, isWithdrawn, error }: Read,
  finishedAt: number,
  callbackOf: CallbackOf,
): { readonly callback: Callback | undefined; readonly args: readonly string[] } {
  const record = encodeRecord({
    attempt: 0,
    outcome: "cancelled",
    worker: null,
    started_at: null,
    finished_at: finishedAt,
    ...(error && { error: { ...error, attempt: 0 } }),
  });
  const { flow } = job.options;
  const outcome = outcomeOf({ ...job, status: "cancelled", history: [...job.history, record] });
  const callback = outcome && callbackOf(outcome);
  const args = [
    job.id,
    digits(job.attempt, 2),
    record,
    ...(isWithdrawn ? [encodeSubmission(job), indexNames(job)] : ["", ""]),
    ...(callback ? [callback.id, callback.submission.type, encodeSubmission(callback.submission)] : ["", "", ""]),
    flow
      ? memberText(flow) + (flow.keeps ? `\n${outcome?.error ? JSON.stringify(outcome.error) : CANCELLED}` : "")
      : "",
  ];
  return { callback, args };
}

/**
 * The job after the call.
 * @param job as it was read before
 * @param state the job's entry in the hash, or the packed job if the hash has no entry
 */
function cancelledJob(job: Job, state: string): Job {
  const { payload } = job;
  return { ...readJob(job.id, wholePacked(encodeSubmission({ ...job, payload: "" }), state)), payload };
}

/** A job as it was read, and its place among the cancellations. */
interface Read {
  readonly job: Job;
  /** Redis may not have the job. */
  readonly isWithdrawn: boolean;
  readonly error: Cancellation["error"];
  readonly index: number;
}

export class Cancellations {
  readonly #parts: ChangeParts;

  constructor(parts: ChangeParts) {
    this.#parts = parts;
  }

  /** As {@link Queue.cancelMany}. */
  async cancel(
    cancellations: readonly Cancellation[],
    outboxOwnedMs: number,
    callbackOf: CallbackOf,
  ): Promise<CancelAnswer[]> {
    const answers: CancelAnswer[] = cancellations.map(() => ({ kind: "missing" }));
    let left = [...cancellations.keys()];
    while (left.length > 0) {
      const part = left.slice(0, CALL_LIMITS.maxItems);
      const read = await this.#read(cancellations, part);
      const taken = read.slice(
        0,
        batchLength(read, CALL_LIMITS, ({ job }) => sizeInCall(job)),
      );
      const changed = taken.length === 0 ? [] : await this.#call(taken, outboxOwnedMs, callbackOf, answers);
      const later = new Set([...read.slice(taken.length), ...changed].map(({ index }) => index));
      left = [...part.filter((index) => later.has(index)), ...left.slice(part.length)];
    }
    return answers;
  }

  async #read(cancellations: readonly Cancellation[], part: readonly number[]): Promise<Read[]> {
    const jobs = await this.#parts.read(part.map((index) => at(cancellations, index).id));
    const live = new Map(jobs.map((job) => [job.id, job]));
    return part.flatMap((index) => {
      const { id, accepted, error } = at(cancellations, index);
      const job = live.get(id) ?? (accepted && jobOfSubmission(id, accepted));
      return job ? [{ job, isWithdrawn: !live.has(id), error, index }] : [];
    });
  }

  /** @returns the jobs that ran meanwhile and wait again: they must be read once more */
  async #call(
    read: readonly Read[],
    outboxOwnedMs: number,
    callbackOf: CallbackOf,
    answers: CancelAnswer[],
  ): Promise<Read[]> {
    const { ns, clock, connections, payloads, onFlowWork } = this.#parts;
    const encoded = read.map((one) => encodeCancellation(one, clock.now(), callbackOf));
    const withdrawn = read.map(({ job, isWithdrawn }) => (isWithdrawn ? { id: job.id, submission: job } : undefined));
    await payloads.putAll([...withdrawn, ...encoded.map(({ callback }) => callback)]);
    const args = [ns, String(outboxOwnedMs), String(WITHDRAWN_MS), ...encoded.flatMap((one) => one.args)];
    const [hasWork, ...reply] = (await connections.work.run(scripts.cancel, args, CALL_TIMEOUT_MS)) as readonly [
      number,
      ...string[],
    ];
    if (hasWork === 1) onFlowWork();
    return read.filter(({ job, index }, i) => {
      const kind = at(reply, 2 * i) as CancelAnswer["kind"] | "changed";
      if (kind === "changed") return true;
      answers[index] = kind === "missing" ? { kind } : { kind, job: cancelledJob(job, at(reply, 2 * i + 1)) };
      return false;
    });
  }
}

/** The characters that a cancellation adds to a call and its reply: its records, and a callback with its payload. */
function sizeInCall({ history, payload, options }: Job): number {
  const callback = options.callback_url === undefined || isLarge(payload) ? 0 : payload.length;
  return history.reduce((sum, record) => sum + record.length, callback);
}
