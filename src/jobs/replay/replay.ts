/**
 * Reruns all finished jobs that match a filter, at most `rate` per second, in as many attempts as needed
 * (bulk/walk.ts). The id of each rerun is derived from the ids of this job and of the original, so it is enqueued once.
 */
import { Type } from "typebox";
import { TERMINAL_STATUSES } from "../../core/job.ts";
import { filterSchemas, issuesOfFilters, payloadFilterSchemas } from "../../core/job-filters.ts";
import type { Services } from "../../core/job-type.ts";
import { defineJob, exponential } from "../../core/job-type.ts";
import type { Reruns } from "../../core/reruns.ts";
import { includeReplayed, RERUN_TYPE } from "../../core/reruns.ts";
import { bulkErrors } from "../bulk/error-codes.ts";
import { walk } from "../bulk/walk.ts";

/** The time limit of an attempt, which ends long before that by itself. */
const TIMEOUT_MS = 3_600_000;
const DEFAULT_RATE = 100;

export default defineJob({
  type: RERUN_TYPE,
  description: "Runs all finished jobs again that match a filter.",
  lane: "io",
  payload: Type.Object(
    {
      ...filterSchemas,
      include_replayed: Type.Optional(includeReplayed),
      rate: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 10_000, default: DEFAULT_RATE, description: "The most jobs per second" }),
      ),
    },
    {
      additionalProperties: false,
      patternProperties: payloadFilterSchemas,
      examples: [{ status: "failed", type: "webhook", created_after: "2026-01-31T12:00:00Z", rate: 50 }],
    },
  ),
  check: (payload) => issuesOfFilters(payload, TERMINAL_STATUSES),
  needsRead: () => true, // it finds jobs by their fields and reports their number, and may rerun a job that needs it
  errors: bulkErrors,
  attempts: 25,
  timeoutMs: TIMEOUT_MS,
  backoff: exponential(1_000, 60_000),
  open: (_settings: object, services?: Services): Reruns => {
    if (!services?.reruns) throw new Error("replay jobs run on the main thread of a replica");
    return services.reruns;
  },
  run: async ({ rate = DEFAULT_RATE, ...filters }, context) => {
    const { jobId, resource, signal } = context;
    const counts = await walk(
      {
        matching: (below) => resource.matching(filters, jobId, { below, signal }),
        act: (ids) => resource.copy(jobId, ids, rate),
      },
      context,
    );
    return { ...counts, replayed: counts.done };
  },
});
