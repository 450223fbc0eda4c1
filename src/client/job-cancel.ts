/** Cancels one job, repeatably. */
import type { CallOptions } from "./call-options.ts";
import type { Job, JobReceipt } from "./contract.ts";
import { jobPath } from "./paths.ts";
import { TaskFlowError } from "./taskflow-error.ts";
import type { Transport } from "./transport.ts";

export async function cancelJob(transport: Transport, id: string, { signal }: CallOptions): Promise<Job | JobReceipt> {
  const path = jobPath(id);
  try {
    return await transport.json<Job | JobReceipt>({ method: "DELETE", path, signal, isRepeatable: true });
  } catch (error) {
    if (!(error instanceof TaskFlowError) || error.code !== "job_finished") throw error;
    const job = await transport
      .json<Job>({ method: "GET", path, signal, isRepeatable: true })
      .catch((reason: unknown) => {
        throw reason instanceof TaskFlowError && reason.code === "scope_missing" ? error : reason;
      });
    if (job.status !== "cancelled") throw error; // else an earlier request has cancelled it, and its answer was lost
    return job;
  }
}
