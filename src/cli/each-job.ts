/** Several jobs in one call: the call continues after a job that the server rejects. */
import { TaskFlowError } from "../client/taskflow-error.ts";
import { IN_ORDER } from "./exit-code.ts";
import { logFailure } from "./failure.ts";
import type { Invocation } from "./invocation.ts";

/**
 * Rejections of this job alone: it does not exist, or its state does not allow the call. Others would meet the next job
 * too.
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
