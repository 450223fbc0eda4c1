/** Jobs that make others name who pays for those: the key that they came with. */
import type { ApiKey } from "../../core/api-key.ts";
import type { Submission } from "../../core/job.ts";
import { RERUN_TYPE } from "../../core/reruns.ts";
import type { Submitted } from "../../queue/enqueuer.ts";

/** The same submission, its replays with their payer. */
export function withPayer(submitted: Submitted, caller: Pick<ApiKey, "id" | "quota"> | undefined): Submitted {
  if (caller === undefined || !submitted.submissions.some(isRepeat)) return submitted;
  const payer = { key: caller.id, ...(caller.quota && { quota: caller.quota }) };
  return {
    ...submitted,
    submissions: submitted.submissions.map((one) =>
      isRepeat(one) ? { ...one, options: { ...one.options, payer } } : one,
    ),
  };
}

function isRepeat({ type }: Submission): boolean {
  return type === RERUN_TYPE;
}
