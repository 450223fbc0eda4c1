/** A job as the API shows it, made from the stored job or from the submission. */

import { outcomeOf } from "./attempt-record.ts";
import type { FlowMember } from "./flows/flow.ts";
import { timeOfId } from "./id.ts";
import type { AttemptRecord, Job, JobView, Submission } from "./job.ts";

/** A live job, or one in the outbox, as the API shows it. */
export function viewOf(job: Job): JobView {
  const outcome = outcomeOf(job);
  const last = job.history.at(-1);
  const error = outcome
    ? outcome.error
    : last === undefined
      ? null
      : ((JSON.parse(last) as AttemptRecord).error ?? null);
  return {
    ...viewOfSubmission(job.id, job),
    status: job.status,
    result: outcome?.result ?? null,
    error,
    attempt: job.attempt,
    // saved work is not repeated
    progress: job.status === "running" || (job.saved !== undefined && !outcome) ? job.progress : null,
    worker: outcome ? outcome.worker : job.worker,
    started_at: outcome ? outcome.startedAt : job.startedAt,
    finished_at: outcome?.finishedAt ?? null,
  };
}

/** A job at the moment of its acceptance, as the API shows it. */
export function viewOfSubmission(id: string, submission: Submission): JobView {
  const { options } = submission;
  const createdAt = timeOfId(id);
  const { flow_id, batch_id, node } = memberFields(options.flow); // a spread here would double the cost of the view
  return {
    id,
    type: submission.type,
    status: options.run_at !== undefined && options.run_at > createdAt ? "scheduled" : "queued",
    priority: submission.priority,
    durability: options.durability ?? "redis",
    group_key: submission.groupKey,
    payload: submission.payload,
    result: null,
    error: null,
    attempt: 0,
    max_attempts: submission.maxAttempts,
    progress: null,
    tags: options.tags ?? [],
    retry_of: options.retry_of ?? null,
    schedule: options.schedule ?? null,
    flow_id,
    batch_id,
    node,
    worker: null,
    run_at: options.run_at ?? null,
    expires_at: options.expires_at ?? null,
    created_at: createdAt,
    started_at: null,
    finished_at: null,
    erased_at: null,
  };
}

/** The fields of a view about the flow or batch that the job belongs to. */
export function memberFields(member: FlowMember | null | undefined): Pick<JobView, "flow_id" | "batch_id" | "node"> {
  if (!member) return NO_MEMBER;
  const { id, batch, node = null } = member;
  return batch ? { flow_id: null, batch_id: id, node } : { flow_id: id, batch_id: null, node };
}

const NO_MEMBER = Object.freeze({ flow_id: null, batch_id: null, node: null });
