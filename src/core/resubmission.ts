/** A finished job as a new submission: what a retry and a replay enqueue. */
import type { JobError, JobOptions, JobView, Submission } from "./job.ts";

/** Whether a job failed because what was submitted could not be read or recorded: there is nothing to submit again. */
export function hasLostPayload(error: JobError | null): boolean {
  return error?.code === "unrecordable" || error?.code === "unreadable";
}

/**
 * The same job once more, under a new id. It starts at once: a time to start, and a time to expire, were the first
 * one's.
 * @param options what the submission said beside what the view shows
 */
export function resubmissionOf(view: JobView, { timeout_ms, backoff, callback_url }: JobOptions): Submission {
  const { id, type, payload, priority, max_attempts, group_key, tags, durability } = view;
  const options: JobOptions = {
    ...(timeout_ms !== undefined && { timeout_ms }),
    ...(backoff !== undefined && { backoff }),
    ...(tags.length > 0 && { tags }),
    ...(callback_url !== undefined && { callback_url }),
    ...(durability === "postgres" && { durability }),
    retry_of: id,
  };
  return { type, payload, priority, maxAttempts: max_attempts, groupKey: group_key, options };
}
