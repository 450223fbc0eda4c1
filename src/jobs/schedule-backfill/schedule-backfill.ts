/**
 * Submits a job for each tick of a schedule in a range, the oldest first, at most `rate` per second, in as many attempts
 * as needed (bulk/walk.ts). The id of each job is derived from the ids of this job and of the schedule, and the tick, so
 * it is enqueued once.
 */
import { Type } from "typebox";
import type { Services } from "../../core/job-type.ts";
import { defineJob, exponential } from "../../core/job-type.ts";
import type { Backfills } from "../../core/schedules/backfill.ts";
import {
  BACKFILL_TYPE,
  backfillFields,
  DEFAULT_BACKFILL,
  DEFAULT_BACKFILL_RATE,
  readRange,
} from "../../core/schedules/backfill.ts";
import { isScheduleName, SCHEDULE_NAME_RULE } from "../../core/schedules/name.ts";
import { walk } from "../bulk/walk.ts";
import { BackfillRun } from "./backfill-run.ts";
import { backfillErrors } from "./error-codes.ts";

/** The time limit of an attempt, which ends long before that by itself. */
const TIMEOUT_MS = 3_600_000;

export default defineJob({
  type: BACKFILL_TYPE,
  description: "Submits the jobs of past ticks of a schedule.",
  lane: "io",
  payload: Type.Object(
    { name: Type.String({ maxLength: 128, description: "The name of the schedule" }), ...backfillFields },
    {
      additionalProperties: false,
      examples: [{ name: "nightly", from: "2026-01-01T00:00:00Z", to: "2026-01-08T00:00:00Z", rate: 10 }],
    },
  ),
  check: ({ name, ...range }) => [
    ...(isScheduleName(name) ? [] : [{ path: "/name", message: SCHEDULE_NAME_RULE }]),
    ...readRange(range, Infinity).issues,
  ],
  needsAdmin: true,
  errors: backfillErrors,
  attempts: 25,
  timeoutMs: TIMEOUT_MS,
  backoff: exponential(1_000, 60_000),
  open: (_settings: object, services?: Services): Backfills => {
    if (!services?.backfills) throw new Error("backfills run on the main thread of a replica");
    return services.backfills;
  },
  run: async ({ rate = DEFAULT_BACKFILL_RATE, max = DEFAULT_BACKFILL, ...payload }, context) => {
    const run = new BackfillRun({ ...payload, rate, max }, context);
    const { state, signal, timeoutMs, progress, log } = context; // its members do not survive a spread
    return walk(run.operation, { state, signal, timeoutMs, progress, log, save: run.save });
  },
});
