/** Acts on all jobs that match filters. */
import type { KeyedOptions } from "./call-options.ts";
import { randomKey } from "./call-options.ts";
import type { Job, JobPatch, ListFilters } from "./contract.ts";
import type { Call } from "./transport.ts";
import { filtersWireOf, wireOf } from "./wire.ts";

/**
 * How much longer than another answer the number of matching jobs may take: the server examines each candidate. The
 * sum with the time limit of a request is less than the 300 s after which Node's fetch ends one.
 */
const COUNT_MS = 240_000;

export interface BulkOptions extends KeyedOptions {
  /** The most jobs per second, 1 to 10,000. Default: no limit; for `replay`, 100. */
  readonly rate?: number | undefined;
  /** Only counts the jobs that match. */
  readonly dryRun?: boolean | undefined;
}

/** The new values of an update: without the payload, which differs from job to job. */
export type JobSet = Omit<JobPatch, "payload">;

export interface UpdateAllOptions extends BulkOptions {
  readonly set: JobSet;
}

export interface Matched {
  /** How many jobs match. */
  matched: number;
}

/** With `dryRun`, the number of jobs; else the job that performs the operation. */
export type BulkAnswer<Options> = AnswerTo<Options extends { readonly dryRun?: infer IsDry } ? IsDry : undefined>;
type AnswerTo<IsDry> = IsDry extends true ? Matched : Job;

export type BulkAction = "replay" | "cancel" | "run" | "update" | "erase";

/** @param members further members of the body */
export function bulkCall(
  action: BulkAction,
  filters: ListFilters,
  { rate, dryRun = false, idempotencyKey = randomKey(), signal }: BulkOptions,
  members: object = {},
): Call {
  const filter = filtersWireOf(filters);
  return {
    method: "POST",
    path: `/api/v1/jobs/${action}`,
    body: JSON.stringify({ ...filter, ...wireOf({ ...members, rate, dryRun }) }),
    headers: dryRun ? {} : { "Idempotency-Key": idempotencyKey },
    signal,
    // a server of an earlier version ignores the key of a replay, and would run the jobs twice
    isRepeatable: dryRun || action !== "replay",
    waitMs: dryRun ? COUNT_MS : 0,
  };
}
