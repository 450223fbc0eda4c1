/** A row of `jobs`, as the statements of this folder read it. */
import type { FlowMember } from "../core/flows/flow.ts";
import type { JobView } from "../core/job.ts";
import { memberFields } from "../core/job-view.ts";
import { OMITTED_PAYLOAD, payloadOf } from "../core/payload.ts";

/** `payload` is null if it is left out. */
export type JobRow = Omit<JobView, "progress" | "payload" | keyof ReturnType<typeof memberFields>> & {
  readonly payload: string | null;
  readonly flow: FlowMember | null;
};

export function viewOfRow(row: JobRow): JobView {
  return {
    id: row.id,
    type: row.type,
    status: row.status,
    priority: row.priority,
    durability: row.durability,
    group_key: row.group_key,
    payload: row.payload === null ? OMITTED_PAYLOAD : payloadOf(row.payload),
    result: row.result,
    error: row.error,
    attempt: row.attempt,
    max_attempts: row.max_attempts,
    progress: null,
    tags: row.tags,
    retry_of: row.retry_of,
    schedule: row.schedule,
    ...memberFields(row.flow),
    worker: row.worker,
    run_at: row.run_at,
    expires_at: row.expires_at,
    created_at: row.created_at,
    started_at: row.started_at,
    finished_at: row.finished_at,
    erased_at: row.erased_at,
  };
}
