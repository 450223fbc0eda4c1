/** Bulk operations on jobs: the interface between their job types (jobs/bulk/) and the replica that runs them. */
import { RESULTS_TYPE } from "./flows/graph.ts";
import type { Status } from "./job.ts";
import { TERMINAL_STATUSES } from "./job.ts";
import type { FilterMembers, JobFilters } from "./job-filters.ts";
import type { Acted, RerunScan, WalkPage } from "./reruns.ts";
import { RERUN_TYPE } from "./reruns.ts";
import { BACKFILL_TYPE } from "./schedules/backfill.ts";

export const BULK_ACTIONS = ["cancel", "run", "update", "erase"] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

const PREFIX = "bulk_";

/** The name of the job type of an operation. */
export function bulkTypeOf(action: BulkAction): string {
  return PREFIX + action;
}

/** Whether jobs of this type act on other jobs, and need the scope `admin`. */
export function isBulkType(type: string): boolean {
  return BULK_ACTIONS.some((action) => bulkTypeOf(action) === type);
}

/** The types of the jobs that act on other jobs, submit them, or collect their results. */
const OPERATION_TYPES: readonly string[] = [RERUN_TYPE, BACKFILL_TYPE, RESULTS_TYPE, ...BULK_ACTIONS.map(bulkTypeOf)];

/** Whether jobs of this type act on other jobs, submit them, or collect their results. */
export function isOperation(type: string): boolean {
  return OPERATION_TYPES.includes(type);
}

/** The same filters without the jobs that act on others. */
export function withoutOperations(filters: JobFilters): JobFilters {
  return { ...filters, except_type: OPERATION_TYPES };
}

/** The filters of a bulk operation: it acts on another operation only if its filter `type` names that type. */
export function withNamedOperations(filters: JobFilters): JobFilters {
  return filters.type === undefined ? withoutOperations(filters) : filters;
}

/** The statuses of the jobs that an operation acts on; also the default of its filter `status`. */
export const BULK_STATUSES: Readonly<Record<BulkAction, readonly Status[]>> = {
  cancel: ["waiting", "scheduled", "queued", "running", "retrying"],
  run: ["scheduled", "retrying"],
  update: ["waiting", "scheduled", "queued", "retrying"],
  erase: TERMINAL_STATUSES,
};

export interface BulkOperationOptions {
  readonly action: BulkAction;
  /** The id of the job that performs the operation. Jobs accepted after it are not matched. */
  readonly id: string;
  readonly filters: FilterMembers;
  /** Of an update: the fields to change, as in a patch of one job. */
  readonly set?: Readonly<Record<string, unknown>> | undefined;
  /** The most jobs per second; undefined for no limit. */
  readonly rate?: number | undefined;
}

export interface Bulk {
  /**
   * The jobs that match, newest first, each once. Rejects while Redis or Postgres is unavailable, and with the signal's
   * reason after it is aborted.
   */
  matching(operation: BulkOperationOptions, scan?: RerunScan): AsyncIterable<WalkPage>;
  /**
   * How many jobs are below this id, those that do not match included; undefined if that is unknown, as it is for
   * finished jobs.
   */
  remaining(operation: BulkOperationOptions, below: string | undefined): Promise<number | undefined>;
  /** Acts on these jobs, as far as the rate and the recorder allow. Safe to repeat. */
  act(operation: BulkOperationOptions, ids: readonly string[]): Promise<Acted>;
  /** Judges jobs on which an interrupted call of {@link act} may have acted. */
  recheck(operation: BulkOperationOptions, ids: readonly string[]): Promise<Rechecked>;
}

export interface Rechecked {
  /** The jobs that still match, in the same order: the operation has not acted on them. */
  readonly open: readonly string[];
  /** To how many of the others the operation applied. */
  readonly done: number;
}
