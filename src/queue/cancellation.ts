/** A cancellation, as cancel.lua takes and answers it. */
import type { Callback, CallbackOf, Job } from "../core/job.ts";
import { digits, encodeRecord, encodeSubmission, outcomeOf, readJob, wholeText } from "../core/wire.ts";

export type CancelAnswer =
  | { readonly kind: "missing" }
  | { readonly kind: "cancelled" | "running" | "finished"; readonly job: Job };

/**
 * What is needed to end a job that waits.
 * @param job as it was read: its callback holds while it has as many attempts @param finishedAt epoch ms, Redis's
 */
export function encodeCancellation(job: Job, finishedAt: number, callbackOf: CallbackOf): { readonly callback: Callback | undefined; readonly args: readonly string[] } {
  const record = encodeRecord({ attempt: 0, outcome: "cancelled", worker: null, started_at: null, finished_at: finishedAt });
  const outcome = outcomeOf({ ...job, status: "cancelled", history: [...job.history, record] });
  const callback = outcome && callbackOf(outcome);
  const args = [digits(job.attempt, 2), record, ...(callback ? [callback.id, callback.submission.type, encodeSubmission(callback.submission)] : [])];
  return { callback, args };
}

/** The job as it is now. @param job as it was read before @param state what the hash holds of it; of one without an entry there, its text */
export function cancelledJob(job: Job, state: string): Job {
  const { payload } = job;
  return { ...readJob(job.id, wholeText(encodeSubmission({ ...job, payload: "" }), state)), payload };
}
