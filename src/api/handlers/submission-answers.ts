/** Answers to submissions of jobs. */
import { at } from "../../core/at.ts";
import type { Submission } from "../../core/job.ts";
import { viewOfSubmission } from "../../core/job-view.ts";
import type { CodedError } from "../../errors.ts";
import type { Answer } from "../http/exchange.ts";
import { problemOfError } from "../http/problem.ts";

/** If it is unknown whether the jobs exist, the answer contains their ids, so that the caller can read them. */
export function problemOfFailure(error: CodedError, ids: readonly string[]): Answer | undefined {
  const unknown = { id: ids[0], ...(ids.length > 1 && { ids }) };
  return problemOfError(error, error.code === "outcome_unknown" ? unknown : {});
}

/** The ids and statuses of accepted jobs. */
export function acceptedJson(ids: readonly string[], submissions: readonly Submission[]): string {
  const jobs = submissions.map((submission, i) => {
    const { id, status } = viewOfSubmission(at(ids, i), submission);
    return `{"id":"${id}","status":"${status}"}`;
  });
  return `{"jobs":[${jobs.join(",")}]}`;
}

/** Moves the `run_at` of a submission, which was derived from `delay_ms`. */
export function moved(submission: Submission, byMs: number): Submission {
  const { options } = submission;
  return options.run_at === undefined
    ? submission
    : { ...submission, options: { ...options, run_at: options.run_at + byMs } };
}
