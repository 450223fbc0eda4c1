/** Re-run jobs and backfills name the API key whose quotas pay for the jobs that they enqueue. */
import type { Caller } from "../../core/api-key.ts";
import type { Submission } from "../../core/job.ts";
import { RERUN_TYPE } from "../../core/reruns.ts";
import { BACKFILL_TYPE } from "../../core/schedules/backfill.ts";
import type { Submitted } from "../../queue/enqueuer.ts";

/** Adds the caller as payer to those of the submissions that enqueue other jobs. */
export function withPayer(submitted: Submitted, caller: Pick<Caller, "id" | "quota"> | undefined): Submitted {
  if (caller === undefined || !submitted.submissions.some(enqueuesOthers)) return submitted;
  const payer = { key: caller.id, ...(caller.quota && { quota: caller.quota }) };
  return {
    ...submitted,
    submissions: submitted.submissions.map((one) =>
      enqueuesOthers(one) ? { ...one, options: { ...one.options, payer } } : one,
    ),
  };
}

function enqueuesOthers({ type }: Submission): boolean {
  return type === RERUN_TYPE || type === BACKFILL_TYPE;
}
