/** Which jobs a bulk operation acts on, and how it is described. */
import type { ListFilters, Status } from "../../client/taskflow.ts";

export type BulkActionName = "retry" | "cancel" | "run" | "priority" | "erase";

interface BulkWords {
  /** `Cancel`, before the number of jobs. */
  readonly verb: string;
  /** `cancelled`, after the number of jobs. */
  readonly done: string;
  /** The statuses of the jobs that it can act on; the server acts on no others. */
  readonly statuses: readonly Status[];
  /** The statuses, where the filters name none; default: all that it can act on. */
  readonly defaults?: readonly Status[];
  readonly explanation: string;
}

export const BULK_WORDS: Readonly<Record<BulkActionName, BulkWords>> = {
  retry: {
    verb: "Retry",
    done: "retried",
    statuses: ["failed", "cancelled", "completed"],
    defaults: ["failed"],
    explanation:
      "Each job is run again as a new job that refers to it. Jobs that are themselves retries are left out, so a second retry does not run them twice.",
  },
  cancel: {
    verb: "Cancel",
    done: "cancelled",
    statuses: ["waiting", "scheduled", "queued", "running", "retrying"],
    explanation: "Waiting jobs end at once. Running jobs are asked to stop. Jobs that finish before that are skipped.",
  },
  run: {
    verb: "Run",
    done: "made due",
    statuses: ["scheduled", "retrying"],
    explanation: "The jobs become due now. They start as soon as a replica has a free slot.",
  },
  priority: {
    verb: "Change the priority of",
    done: "changed",
    statuses: ["waiting", "scheduled", "queued", "retrying"],
    explanation: "Jobs with a higher priority start first. Jobs that start before the change are skipped.",
  },
  erase: {
    verb: "Erase the contents of",
    done: "erased",
    statuses: ["completed", "failed", "cancelled"],
    explanation:
      "Payloads, results, error messages, logs and files are removed for good. The jobs stay in the list, without their contents.",
  },
};

/**
 * The filters with the statuses that an operation acts on.
 * @returns undefined if the filters name only other statuses
 */
export function bulkFilters(action: BulkActionName, filters: ListFilters): ListFilters | undefined {
  const { statuses, defaults = statuses } = BULK_WORDS[action];
  const status = among(filters.status, statuses) ?? defaults;
  return status.length === 0 ? undefined : { ...filters, status };
}

/** The statuses of the filters that are among these; undefined if the filters name none. */
export function among(given: ListFilters["status"], statuses: readonly Status[]): readonly Status[] | undefined {
  if (given === undefined) return undefined;
  const list = typeof given === "string" ? [given] : given;
  return statuses.filter((status) => list.includes(status));
}
