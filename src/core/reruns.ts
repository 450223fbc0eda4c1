/** Re-runs finished jobs in bulk: the interface between the job type `replay` and its replica. */

import { Type } from "typebox";
import type { FilterMembers } from "./job-filters.ts";

export const RERUN_TYPE = "replay";

export const includeReplayed = Type.Boolean({
  default: false,
  description:
    "Also jobs that run another one again (`retry_of` names it): without it, repeating a replay does not run its own reruns again",
});

/**
 * The filters as a caller gave them (job-filters.ts). `status` names statuses of finished jobs; its default is `failed`.
 */
export interface RerunFilters extends FilterMembers {
  /** Whether to include jobs that are reruns of others (`retry_of`). */
  readonly include_replayed?: boolean | undefined;
}

export interface RerunScan {
  /** The caller: scans of several callers take turns. */
  readonly caller?: string;
  /** Only ids below this one, at which an earlier scan ended. */
  readonly below?: string | undefined;
  /** Ends the scan. */
  readonly signal?: AbortSignal;
  /** The scan is for an erasure, to which a lost payload does not matter, and which may name bulk operations. */
  readonly isErasure?: true;
}

/** A page of a scan of jobs, newest first. */
export interface WalkPage {
  /** The matching jobs, newest first; may be empty. */
  readonly ids: readonly string[];
  /** All ids from this one on are examined: the scan continues below it. */
  readonly reached: string;
}

/** The result of an action on a list of jobs. */
export interface Acted {
  /** How many jobs are processed, from the first on. */
  readonly examined: number;
  /** To how many of these the action applied, in this or an earlier call. */
  readonly done: number;
  /** Why the other jobs have to wait (the pace of this scan, or a spent quota), and for how long. */
  readonly wait?: { readonly for: "pace" | "quota"; readonly ms: number };
}

export interface Reruns {
  /**
   * The jobs that match the filters and had ended when the job `rerunId` was accepted, newest first, each once. Bulk
   * operations, and jobs whose payload is erased or lost, are excluded. Rejects while Redis or Postgres is unavailable,
   * and with the signal's reason after it is aborted.
   */
  matching(filters: RerunFilters, rerunId: string, scan?: RerunScan): AsyncIterable<WalkPage>;
  /**
   * Enqueues a rerun of each of these jobs, unless an earlier call for the same `rerunId` did. It paces new reruns over
   * all replicas and attempts, and charges them to the API key of the job `rerunId`. It skips jobs whose retention has
   * ended.
   * @param rate the maximum number of reruns a second
   */
  copy(rerunId: string, ids: readonly string[], rate: number): Promise<Acted>;
}
