/** Several jobs in one call: one that is refused does not keep the others from their turn. */
import { TaskFlowError } from "../client/taskflow-error.ts";
import { IN_ORDER } from "./exit-code.ts";
import { logFailure } from "./failure.ts";
import type { Invocation } from "./invocation.ts";

/** Of answers that refuse the one job: there is none, or it is not in a state for that. Any other would meet the next job as well. */
const OF_ONE_JOB = [404, 409];

/** Does it with each job in turn, and tells what is refused. @returns the highest of the exit codes */
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
