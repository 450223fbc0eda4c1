/**
 * Runs again all finished jobs that a filter names, at most `rate` a second. It begins anew after a crash: each job's copy
 * has an id that follows from this job's and the original's, so it is enqueued once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Type } from "typebox";
import { faultsOfFilters, textFilters } from "../core/job-filters.ts";
import { defineJob, exponential } from "../core/job-type.ts";
import type { Services } from "../core/job-type.ts";
import type { Replays } from "../core/replays.ts";

const DAY_MS = 86_400_000;
const DEFAULT_RATE = 100;
/** Copies made at once, where the rate allows it: some hundred milliseconds lie between two batches then. */
const MAX_BATCH = 100;

export default defineJob({
  type: "replay",
  lane: "io",
  payload: Type.Object(
    {
      status: Type.Optional(Type.Enum(["failed", "cancelled", "completed"], { default: "failed", description: "Of the jobs to run again: finished ones" })),
      ...textFilters,
      created_after: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: "RFC 3339: accepted at this time or later" })),
      created_before: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: "RFC 3339: accepted before this time" })),
      rate: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: DEFAULT_RATE, description: "How many a second at most" })),
    },
    { additionalProperties: false, examples: [{ status: "failed", type: "webhook", created_after: "2026-01-31T12:00:00Z", rate: 50 }] },
  ),
  check: faultsOfFilters,
  needsRead: () => true, // it finds jobs by what they are, tells how many, and may run again one that needs it
  attempts: 25,
  timeoutMs: DAY_MS,
  backoff: exponential(1_000, 60_000),
  open: (_settings: object, services?: Services): Replays => {
    if (!services?.replays) throw new Error("replays run on the main thread of a replica");
    return services.replays;
  },
  run: async ({ rate = DEFAULT_RATE, ...filters }, { jobId, tool, signal, progress }) => {
    let matched = 0;
    for await (const ids of tool.matching(filters, jobId, { signal })) {
      signal.throwIfAborted();
      matched += ids.length;
    }
    let [looked, replayed] = [0, 0];
    const startedAt = performance.now();
    const batch = Math.max(1, Math.min(MAX_BATCH, Math.floor(rate / 10)));
    for await (const ids of tool.matching(filters, jobId, { signal })) {
      for (let at = 0; at < ids.length; at += batch) {
        signal.throwIfAborted();
        const part = ids.slice(at, at + batch);
        replayed += await tool.copy(jobId, part);
        looked += part.length;
        progress((100 * looked) / Math.max(matched, looked));
        const aheadMs = (1_000 * looked) / rate - (performance.now() - startedAt);
        if (aheadMs > 0) await sleep(aheadMs, undefined, { signal });
      }
    }
    return { matched: Math.max(matched, looked), replayed };
  },
});
