/** The calls about one queue: its detail, and its depth over time. */
import { Type } from "typebox";
import { MAX_SAMPLES } from "./history-operations.ts";
import { idSchema, nullable, timeSchema } from "./job-schemas.ts";
import type { Operation } from "./operation.ts";
import { queueSchema } from "./system-operations.ts";

const count = Type.Integer({ minimum: 0 });
const QUEUE_PROBLEMS = ["queue_not_found", "queue_unavailable", "outcome_unknown"];

export const getQueue: Operation = {
  method: "GET",
  pattern: "/api/v1/queues/{type}",
  access: "read",
  id: "getQueue",
  tag: "Queues",
  summary: "Read the queue of a job type in detail",
  description: "All numbers are of the same instant.",
  answers: {
    200: {
      description: "The queue",
      content: {
        "application/json": {
          schema: Type.Object({
            ...queueSchema.properties,
            limit: Type.Integer({
              minimum: 0,
              description: "The most jobs of the type that the live replicas run at once, together",
            }),
            replicas: Type.Array(Type.String(), { description: "The ids of the live replicas that run the type" }),
            by_priority: Type.Record(Type.String(), count, {
              description: "Waiting jobs by priority, without the priorities that have none",
            }),
            groups: Type.Array(
              Type.Object({
                group_key: nullable(Type.String(), "Null: the jobs without a group"),
                waiting: count,
              }),
              { description: "The 20 groups with the most waiting jobs" },
            ),
            next_due: Type.Array(
              Type.Object({ id: idSchema, run_at: timeSchema, status: Type.Enum(["scheduled", "retrying"]) }),
              { description: "The next 10 scheduled or retrying jobs" },
            ),
            is_partial: Type.Boolean({
              description:
                "Whether `groups` has estimates because more than 2,000 jobs wait (they may include jobs that were cancelled), or `next_due` may lack jobs because 2,000 jobs, mostly of other types, are due before them",
            }),
          }),
        },
      },
    },
  },
  problems: QUEUE_PROBLEMS,
};

export const getQueueHistory: Operation = {
  method: "GET",
  pattern: "/api/v1/queues/{type}/history",
  access: "read",
  id: "getQueueHistory",
  tag: "Queues",
  summary: "Read the depth of a queue over time",
  description: `One replica looks at the queues at the start of each minute. A queue that stays empty has no samples: after a sample of depth 0 it is empty until the next one. Samples are kept for 30 days. A call returns at most ${MAX_SAMPLES}: of a longer range, the maximum of each step of several minutes.`,
  query: Type.Object({
    from: Type.Optional(
      Type.String({ description: "RFC 3339, rounded down to a step. Default: 24 hours before `to`" }),
    ),
    to: Type.Optional(Type.String({ description: "Exclusive; RFC 3339, rounded up to a step. Default: now" })),
  }),
  answers: {
    200: {
      description: "The samples, the oldest first",
      content: {
        "application/json": {
          schema: Type.Object({
            step_ms: Type.Integer({ minimum: 60_000, description: "The length of a step: a multiple of a minute" }),
            samples: Type.Array(
              Type.Object({
                at: Type.String({ format: "date-time", description: "The start of the step; RFC 3339, in UTC" }),
                depth: count,
                oldest_wait_ms: nullable(Type.Number({ minimum: 0 }), "Null if no job waited"),
                running: count,
              }),
            ),
          }),
        },
      },
    },
  },
  problems: ["validation_failed", "store_unavailable", ...QUEUE_PROBLEMS],
};
