/**
 * The answer to a caller that acts on a job: the whole job if its key may read it, else a receipt with id and status.
 */
import type { Caller } from "../../core/api-key.ts";
import type { JobView } from "../../core/job.ts";
import { readsAll } from "../../core/ownership.ts";
import type { JobJson } from "./job-json.ts";

export type JobAnswerJson = (caller: Caller | undefined, view: JobView) => string;

export function jobAnswerJson(toJson: JobJson): JobAnswerJson {
  return (caller, view) => (readsAll(caller) ? toJson(view) : receiptJson(view));
}

function receiptJson({ id, status, retry_of }: JobView): string {
  return JSON.stringify({ id, status, ...(retry_of !== null && { retry_of }) });
}
