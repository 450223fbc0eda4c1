/** A cancellation, as cancel.lua takes and answers it. */
import type { CallbackOf, Job } from "../core/job.ts";
import { digits, encodeRecord, encodeSubmission, outcomeOf } from "../core/wire.ts";

export type CancelAnswer =
  | { readonly kind: "missing" }
  | { readonly kind: "cancelled" | "running" | "finished"; readonly job: Job };

/**
 * What is needed to end a job that waits.
 * @param job as it was read: its callback holds while it has as many attempts @param finishedAt epoch ms, Redis's
 */
export function encodeCancellation(job: Job, finishedAt: number, callbackOf: CallbackOf): string[] {
  const record = encodeRecord({ attempt: 0, outcome: "cancelled", worker: null, started_at: null, finished_at: finishedAt });
  const outcome = outcomeOf({ ...job, status: "cancelled", history: [...job.history, record] });
  const callback = outcome && callbackOf(outcome);
  return [digits(job.attempt, 2), record, ...(callback ? [callback.id, callback.submission.type, encodeSubmission(callback.submission)] : [])];
}
