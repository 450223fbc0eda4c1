/** Re-run jobs name the API key whose quotas pay for the jobs that they enqueue. */
import type { Caller } from "../../core/api-key.ts";
import type { Submission } from "../../core/job.ts";
import { RERUN_TYPE } from "../../core/reruns.ts";
import type { Submitted } from "../../queue/enqueuer.ts";

/** Adds the caller as payer to the re-run jobs among the submissions. */
export function withPayer(submitted: Submitted, caller: Pick<Caller, "id" | "quota"> | undefined): Submitted {
  if (caller === undefined || !submitted.submissions.some(isRerun)) return submitted;
  const payer = { key: caller.id, ...(caller.quota && { quota: caller.quota }) };
  return {
    ...submitted,
    submissions: submitted.submissions.map((one) =>
      isRerun(one) ? { ...one, options: { ...one.options, payer } } : one,
    ),
  };
}

function isRerun({ type }: Submission): boolean {
  return type === RERUN_TYPE;
}
