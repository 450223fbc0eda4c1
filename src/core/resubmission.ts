/** Turns a finished job into a new submission, for a retry or a rerun. */
import type { JobError, JobOptions, JobView, Submission } from "./job.ts";

/** The error codes of jobs whose payload is lost. */
export const LOST_PAYLOAD: readonly string[] = ["unrecordable", "unreadable"];

/** Whether a job failed because its submission could not be read or recorded: it cannot be submitted again. */
export function hasLostPayload(error: JobError | null): boolean {
  return error !== null && LOST_PAYLOAD.includes(error.code);
}

/**
 * Whether the payload of a job of a flow refers to results that it never got, because it ended before: outside of the
 * flow, it would run with the references as they are.
 */
export function hasUnresolvedReferences({ flow, template }: JobOptions): boolean {
  return flow?.refs === true && template === undefined;
}

/**
 * The submission of the same job under a new id. It starts at once: `run_at` and `expires_at` are not copied, nor is
 * `schedule`, as no tick submits it.
 * @param options the submitted options that the view does not show
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
