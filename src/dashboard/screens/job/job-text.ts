/** What the job screen says about a job, and which actions its status allows. */
import type { Job } from "../../../client/taskflow.ts";
import { durationText } from "../../parts/format.ts";
import { isFinished } from "../../parts/status.tsx";

/** How a finished job ended, in one sentence. */
export function endingOf(job: Job): string {
  const { status, attempt, max_attempts: maxAttempts, error } = job;
  if (error?.code === "not_needed") return "It was not needed, so it did not run.";
  if (error?.code === "dependency_failed") return "It could not run, because of a job that it waited for.";
  const place = attempt <= 1 ? "at the first attempt" : `at attempt ${attempt} of ${maxAttempts}`;
  const total = durationText(Math.max(0, Date.parse(job.finished_at ?? job.created_at) - Date.parse(job.created_at)));
  if (status === "completed") return `It completed ${place}, ${total} after it was accepted.`;
  if (status === "cancelled")
    return attempt === 0
      ? `It was cancelled before it started, ${total} after it was accepted.`
      : `It was cancelled ${place}.`;
  const reason = error === null ? "" : ` with the error ${error.code}`;
  return attempt === 0 ? `It failed before it started${reason}.` : `It failed ${place}${reason}.`;
}

export type Action = "retry" | "edit" | "cancel" | "run" | "reschedule" | "priority" | "erase";

type ActedOn = Pick<Job, "status" | "erased_at" | "payload" | "payload_omitted">;

/** Why an action is not possible now; undefined if it is. */
export function unavailableFor(
  action: Action,
  { status, erased_at: erasedAt, payload, payload_omitted: omitted }: ActedOn,
): string | undefined {
  const isOver = isFinished(status);
  switch (action) {
    case "retry":
      if (erasedAt !== null) return "Its payload was erased.";
      return status === "failed" || status === "cancelled"
        ? undefined
        : "Only failed and cancelled jobs can be retried.";
    case "edit":
      if (erasedAt !== null) return "Its payload was erased.";
      if (omitted === true || payload === null) return "Its payload is too large to be edited here.";
      return isOver ? undefined : "The job has not finished.";
    case "cancel":
      return isOver ? "The job has finished." : undefined;
    case "run":
      return status === "scheduled" || status === "retrying" ? undefined : "The job does not wait for a time.";
    case "reschedule":
    case "priority":
      if (isOver) return "The job has finished.";
      return status === "running" ? "The job is running." : undefined;
    case "erase":
      if (erasedAt !== null) return "It was erased.";
      return isOver ? undefined : "The job has not finished.";
  }
}

/** The job types that act on the jobs that match their filters. */
const BULK_TYPES = ["replay", "bulk_cancel", "bulk_run", "bulk_update", "bulk_erase"];
/** Fields of their payloads that are not filters. */
const NO_FILTERS = ["rate", "set", "include_replayed"];

/** The filters of a job that acts on other jobs, as JSON; undefined for other jobs. */
export function filtersOf({ type, payload }: Pick<Job, "type" | "payload">): string | undefined {
  if (!BULK_TYPES.includes(type) || payload === null) return undefined;
  return JSON.stringify(Object.fromEntries(Object.entries(payload).filter(([name]) => !NO_FILTERS.includes(name))));
}
