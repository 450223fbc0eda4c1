import type { Submission } from "../../core/job.ts";
import { decodeSubmission } from "../../core/packed-job.ts";
import { asStored } from "../../core/payload.ts";

/** @param packed the submission as the acceptance log stores it */
export function submissionOf(id: string, packed: string): Submission {
  const { type, payload, priority, maxAttempts, groupKey, options } = decodeSubmission(id, packed);
  return { type, payload: asStored(payload), priority, maxAttempts, groupKey, options };
}
