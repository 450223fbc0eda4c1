/**
 * The job types of the bulk operations: each acts on all jobs that match a filter and were accepted before it, in as
 * many attempts as needed (walk.ts).
 */
import { Type } from "typebox";
import type { Bulk, BulkAction } from "../../core/bulk.ts";
import { BULK_STATUSES, bulkTypeOf } from "../../core/bulk.ts";
import { issuesOfSet } from "../../core/bulk-patch.ts";
import { filterSchemas, issuesOfFilters, payloadFilterSchemas } from "../../core/job-filters.ts";
import type { Services } from "../../core/job-type.ts";
import { defineJob, exponential } from "../../core/job-type.ts";
import { bulkErrors } from "./error-codes.ts";
import { walk } from "./walk.ts";

/** The time limit of an attempt, which ends long before that by itself. */
const TIMEOUT_MS = 3_600_000;

/** The schema of the member `rate` of every bulk operation. */
const bulkRate = Type.Integer({ minimum: 1, maximum: 10_000, description: "The most jobs per second" });

/** The schema of the member `set` of a bulk update. */
const bulkSet = Type.Object(
  {},
  { additionalProperties: true, description: "The fields to change, as in a patch of one job, without `payload`" },
);

const DESCRIPTIONS: Readonly<Record<BulkAction, string>> = {
  cancel: "Cancels all unfinished jobs that match a filter.",
  run: "Makes all scheduled and retrying jobs due that match a filter.",
  update: "Changes all waiting jobs that match a filter.",
  erase: "Erases the contents of all finished jobs that match a filter.",
};

interface Updating {
  readonly set?: Readonly<Record<string, unknown>>;
}

export function bulkJob(action: BulkAction) {
  return defineJob({
    type: bulkTypeOf(action),
    description: DESCRIPTIONS[action],
    lane: "io",
    payload: Type.Object(
      { ...filterSchemas, rate: Type.Optional(bulkRate), ...(action === "update" && { set: bulkSet }) },
      {
        additionalProperties: false,
        patternProperties: payloadFilterSchemas,
        examples: [
          {
            type: "webhook",
            created_before: "2026-01-31T12:00:00Z",
            ...(action === "update" && { set: { priority: 9 } }),
          },
        ],
      },
    ),
    check: (payload) => [...issuesOfFilters(payload, BULK_STATUSES[action]), ...issuesOfSet(payload, Date.now())],
    needsAdmin: true,
    errors: bulkErrors,
    attempts: 25,
    timeoutMs: TIMEOUT_MS,
    backoff: exponential(1_000, 60_000),
    open: (_settings: object, services?: Services): Bulk => {
      if (!services?.bulk) throw new Error("bulk operations run on the main thread of a replica");
      return services.bulk;
    },
    run: ({ rate, ...members }, context) => {
      const { jobId: id, resource, signal } = context;
      const { set, ...filters } = members as typeof members & Updating;
      const operation = { action, id, filters, set, rate };
      return walk(
        {
          matching: (below) => resource.matching(operation, { below, signal }),
          remaining: (below) => resource.remaining(operation, below),
          act: (ids) => resource.act(operation, ids),
          recheck: (ids) => resource.recheck(operation, ids),
        },
        context,
      );
    },
  });
}
