/** Runs a command for several jobs, and continues if the server rejects one of them. */
import { TaskFlowError } from "../client/taskflow-error.ts";
import { IN_ORDER } from "./exit-code.ts";
import { logFailure } from "./failure.ts";
import type { Invocation } from "./invocation.ts";

/**
 * Rejections that concern one job: it does not exist, or its state does not allow the call. Any other rejection would
 * repeat for the next job.
 */
const OF_ONE_JOB = [404, 409];

/** Calls `act` with each job in turn, and prints rejections. @returns the highest exit code */
export async function withEachJob(
  invocation: Invocation,
  ids: readonly string[],
  act: (id: string) => Promise<number>,
): Promise<number> {
  let code = IN_ORDER;
  for (const id of ids) {
    try {
      code = Math.max(code, await act(id));
    } catch (error) {
      if (!(error instanceof TaskFlowError && OF_ONE_JOB.includes(error.status))) throw error;
      code = Math.max(code, logFailure(error, invocation));
    }
  }
  return code;
}
