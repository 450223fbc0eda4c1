/** What an operation that was cancelled has done before: it saves its counts with its position (jobs/bulk/walk.ts). */
import { isOperation } from "./bulk.ts";
import type { Job } from "./job.ts";
import { RERUN_TYPE } from "./reruns.ts";

/**
 * The result of a job that was cancelled, as JSON: the counts of an operation up to then, in the form of its result at
 * its end. Null for any other job, and for an operation that has not saved anything.
 */
export function resultOfCancelled({
  type,
  saved,
}: Pick<Job, "type"> & { readonly saved?: string | undefined }): string | null {
  if (saved === undefined || !isOperation(type)) return null;
  const { matched, done } = JSON.parse(saved) as { readonly matched: number; readonly done: number };
  return JSON.stringify({ matched, done, skipped: matched - done, ...(type === RERUN_TYPE && { replayed: done }) });
}
