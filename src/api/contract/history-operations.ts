/** The calls about the history: what finished over time, and the errors of failed jobs. */
import { Type } from "typebox";
import { nullable, timeSchema } from "./job-schemas.ts";
import type { Operation } from "./operation.ts";

const count = Type.Integer({ minimum: 0 });
const ms = Type.Number({ minimum: 0 });
const percentiles = (description: string) => nullable(Type.Object({ p50: ms, p95: ms, p99: ms }), description);
const types = Type.Optional(
  Type.String({ description: "Only jobs of one of these types, separated by commas. Default: all" }),
);
const HISTORY_PROBLEMS = ["validation_failed", "store_unavailable"];

/** The steps of a series. */
export const STEPS = ["minute", "hour", "day"] as const;
export const MAX_STEPS = 2_000;
export const MAX_ERROR_GROUPS = 1_000;
export const MAX_SAMPLES = 1_500;

const counts = {
  completed: count,
  failed: count,
  cancelled: count,
  retries: Type.Integer({ minimum: 0, description: "Counted attempts beyond the first of each job" }),
  run_total_ms: Type.Integer({ minimum: 0, description: "The sum of the durations of the last attempt of each job" }),
  pickup_ms: percentiles(
    "From the time at which a job could first start, `created_at` or `run_at`, to the start of its first attempt; null if no job started",
  ),
  run_ms: percentiles("The duration of the last attempt of each job; null if no job started"),
};
const point = Type.Object({ at: timeSchema, ...counts });

export const getSeries: Operation = {
  method: "GET",
  pattern: "/api/v1/stats/series",
  access: "read",
  id: "getSeries",
  tag: "Replicas",
  summary: "Read what finished, step by step",
  description: `Each job counts once, at the time when it finished, as soon as Postgres has it. The sums are exact; percentiles are within 5 %. Minutes are available for 30 days: for earlier times, the first minute of each hour has the counts of the hour. Hours and days are available for two years. A call returns at most ${MAX_STEPS} steps.`,
  query: Type.Object({
    from: Type.Optional(
      Type.String({
        description: "RFC 3339, rounded down to a step. Default: 60 steps before `to`, so an hour of minutes",
      }),
    ),
    to: Type.Optional(
      Type.String({ description: "Exclusive; RFC 3339, rounded down to a step. Default: the end of the current step" }),
    ),
    step: Type.Optional(Type.Enum([...STEPS], { description: "Default: minute. Days are those of UTC" })),
    type: types,
    by: Type.Optional(
      Type.Enum(["type"], { description: "`type`: the answer has the counts of each type too, in `types`" }),
    ),
  }),
  answers: {
    200: {
      description: "Every step of the range, the oldest first",
      content: {
        "application/json": {
          schema: Type.Object({
            step: Type.Enum([...STEPS]),
            from: timeSchema,
            to: timeSchema,
            series: Type.Array(point),
            types: Type.Optional(
              Type.Array(Type.Object({ type: Type.String(), ...counts }), {
                description: "With `by=type`: the types that have any job, those with the most run time first",
              }),
            ),
            versions: Type.Array(Type.Object({ at: timeSchema, version: Type.String() }), {
              description:
                "When replicas began to run another version: the one in force at the start of the range, and up to 1,000 after it, the oldest first",
            }),
          }),
        },
      },
    },
  },
  problems: HISTORY_PROBLEMS,
};

const errorGroup = Type.Object({
  type: Type.String(),
  code: Type.String(),
  signature: Type.String({
    description:
      "The message with placeholders for numbers, ids, quoted parts, addresses, and the paths of URLs, cut to 200 characters",
  }),
  count,
  first_seen: Type.String({
    format: "date-time",
    description: "RFC 3339, in UTC. Of all errors that are kept: it may be before the range",
  }),
  last_seen: timeSchema,
  hourly: Type.Array(count, {
    description: "Counts of the last 24 hours (of the clock, in UTC), the oldest first; the last is the current hour",
  }),
  examples: Type.Array(Type.String(), { description: "Ids of up to three of the jobs" }),
});

export const getErrors: Operation = {
  method: "GET",
  pattern: "/api/v1/errors",
  access: "read",
  id: "listErrors",
  tag: "Jobs",
  summary: "List the errors of failed jobs, grouped by cause",
  description: `Failed jobs with the same type, error code and signature are one error. The times of the range are rounded down to hours. Errors are kept for \`RETENTION_DAYS\`. Further errors, after 1,000 different ones of a replica in an hour, count as \`(other)\` of their type.`,
  query: Type.Object({
    from: Type.Optional(
      Type.String({ description: "RFC 3339, rounded down to an hour. Default: 24 hours before `to`" }),
    ),
    to: Type.Optional(
      Type.String({
        description: "Exclusive; RFC 3339, rounded down to an hour. Default: the end of the current hour",
      }),
    ),
    type: types,
  }),
  answers: {
    200: {
      description: "The errors, the most frequent first",
      content: {
        "application/json": {
          schema: Type.Object({
            errors: Type.Array(errorGroup),
            truncated: Type.Boolean({ description: `Whether there are more than these ${MAX_ERROR_GROUPS}` }),
            version_since: nullable(
              timeSchema,
              "When the version that replicas began to run last first ran: errors first seen since then are new in it. Null if no earlier version is known",
            ),
          }),
        },
      },
    },
  },
  problems: HISTORY_PROBLEMS,
};
