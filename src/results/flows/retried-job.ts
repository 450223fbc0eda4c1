/** The submission of a finished job, for a retry of its flow. */
import type { Durability, JobOptions, Submission } from "../../core/job.ts";
import { payloadOf } from "../../core/payload.ts";

/** A row as retried-jobs.sql returns it. */
export interface RetriedRow {
  readonly id: string;
  readonly type: string;
  readonly priority: number;
  readonly group_key: string | null;
  readonly max_attempts: number;
  readonly tags: readonly string[];
  readonly durability: Durability;
  readonly error_code: string | null;
  readonly options: JobOptions | null;
  readonly is_erased: boolean;
  readonly payload: string;
}

export interface FinishedSubmission {
  readonly id: string;
  readonly errorCode: string | null;
  readonly isErased: boolean;
  /** It starts at once: `run_at`, `expires_at` and `schedule` are left out. */
  readonly submission: Submission;
  /** Whether its payload has references. */
  readonly hasReferences: boolean;
}

export function finishedSubmission(row: RetriedRow): FinishedSubmission {
  const { timeout_ms, backoff, callback_url, api_key, flow } = row.options ?? {};
  const options: JobOptions = {
    ...(timeout_ms !== undefined && { timeout_ms }),
    ...(backoff !== undefined && { backoff }),
    ...(row.tags.length > 0 && { tags: row.tags }),
    ...(callback_url !== undefined && { callback_url }),
    ...(row.durability === "postgres" && { durability: row.durability }),
    ...(api_key !== undefined && { api_key }),
    retry_of: row.id,
  };
  return {
    id: row.id,
    errorCode: row.error_code,
    isErased: row.is_erased,
    hasReferences: flow?.refs === true,
    submission: {
      type: row.type,
      payload: payloadOf(row.payload),
      priority: row.priority,
      maxAttempts: row.max_attempts,
      groupKey: row.group_key,
      options,
    },
  };
}
