/** A cancellation, as cancel.lua takes and answers it. */
import type { Callback, CallbackOf, Job, Submission } from "../core/job.ts";
import {
  decodeSubmission,
  digits,
  encodeRecord,
  encodeSubmission,
  outcomeOf,
  readJob,
  wholeText,
} from "../core/packed-job.ts";

/**
 * A job that was withdrawn stays in the outbox for so long, though it is recorded at once: while Redis has it, nobody who found out before that it is
 * nowhere can enqueue it. The restore takes up to 20 s over that, and an enqueue may be on its way for SUBMIT_TIMEOUT_MS, a minute at most.
 */
export const WITHDRAWN_MS = 90_000;

/** withdrawn: Redis did not have it, and it is cancelled before it was ever enqueued. */
export type CancelAnswer =
  | { readonly kind: "missing" }
  | { readonly kind: "cancelled" | "withdrawn" | "running" | "finished"; readonly job: Job };

/** The job that a submission would be in Redis. */
export function jobOfSubmission(id: string, submission: Submission): Job {
  return { ...decodeSubmission(id, encodeSubmission({ ...submission, payload: "" })), payload: submission.payload };
}

/**
 * What is needed to end a job that waits.
 * @param job as it was read: its callback holds while it has as many attempts @param finishedAt epoch ms, Redis's
 * @param text of a job that Redis may not have: what it would have been enqueued with
 */
export function encodeCancellation(
  job: Job,
  finishedAt: number,
  callbackOf: CallbackOf,
  text = "",
): { readonly callback: Callback | undefined; readonly args: readonly string[] } {
  const record = encodeRecord({
    attempt: 0,
    outcome: "cancelled",
    worker: null,
    started_at: null,
    finished_at: finishedAt,
  });
  const outcome = outcomeOf({ ...job, status: "cancelled", history: [...job.history, record] });
  const callback = outcome && callbackOf(outcome);
  const args = [
    digits(job.attempt, 2),
    record,
    text,
    ...(callback ? [callback.id, callback.submission.type, encodeSubmission(callback.submission)] : []),
  ];
  return { callback, args };
}

/** The job as it is now. @param job as it was read before @param state what the hash holds of it; of one without an entry there, its text */
export function cancelledJob(job: Job, state: string): Job {
  const { payload } = job;
  return { ...readJob(job.id, wholeText(encodeSubmission({ ...job, payload: "" }), state)), payload };
}
