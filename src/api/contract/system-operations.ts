/** The calls about the system: queues, replicas, job counts. */

import { Type } from "typebox";
import { SCOPES } from "../../core/api-key.ts";
import { STATUSES } from "../../core/job.ts";
import { nullable, timeSchema } from "./job-schemas.ts";
import { NO_FIELDS, NO_FIELDS_PROBLEMS } from "./no-fields.ts";
import { type Operation, ok } from "./operation.ts";

const count = Type.Integer({ minimum: 0 });
const ms = nullable(Type.Number({ minimum: 0 }));
const percentiles = nullable(Type.Object({ p50: ms, p95: ms, p99: ms }));
const latency = Type.Object({ pickup: percentiles, run: percentiles });
const capacity = Type.Object({ limit: count, running: count });
const statusCounts = Type.Object(Object.fromEntries(STATUSES.map((status) => [status, count])));

const STATS_PROBLEMS = ["queue_unavailable", "outcome_unknown"];

export const queueSchema = Type.Object({
  type: Type.String(),
  state: Type.Enum(["active", "paused"]),
  paused_reason: nullable(Type.String({ description: "Null too if the pause has no reason" })),
  depth: count,
  oldest_wait_ms: nullable(Type.Number({ minimum: 0 })),
  waiting: Type.Integer({ minimum: 0, description: "Jobs that wait for others of their flow" }),
  scheduled: count,
  retrying: count,
  running: count,
});

export const getQueues: Operation = {
  method: "GET",
  pattern: "/api/v1/queues",
  access: "read",
  id: "listQueues",
  tag: "Queues",
  summary: "List the queues, one for each job type",
  answers: ok("The state, depth and oldest wait of each queue", Type.Object({ queues: Type.Array(queueSchema) })),
  problems: ["validation_failed", ...STATS_PROBLEMS],
};

export const pauseSchema = Type.Object(
  {
    reason: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: "Why, for people: `GET /api/v1/queues` and the audit show it",
      }),
    ),
  },
  { additionalProperties: false, description: "Optional" },
);

export const pauseQueue: Operation = {
  method: "POST",
  pattern: "/api/v1/queues/{type}/pause",
  access: "admin",
  id: "pauseQueue",
  tag: "Queues",
  summary: "Pause the queue of a job type, on every replica",
  description:
    "The queue still accepts jobs, but no replica starts them; running jobs continue. Pausing a paused queue changes nothing, except that a reason replaces an earlier one.",
  body: { "application/json": { schema: pauseSchema } },
  isBodyOptional: true,
  answers: ok("The queue after the change", queueSchema),
  problems: ["queue_not_found", ...NO_FIELDS_PROBLEMS, ...STATS_PROBLEMS],
};

export const resumeQueue: Operation = {
  method: "POST",
  pattern: "/api/v1/queues/{type}/resume",
  access: "admin",
  id: "resumeQueue",
  tag: "Queues",
  summary: "Resume the queue of a job type",
  body: NO_FIELDS,
  isBodyOptional: true,
  answers: ok("The queue after the change", queueSchema),
  problems: ["queue_not_found", ...NO_FIELDS_PROBLEMS, ...STATS_PROBLEMS],
};

export const getWorkers: Operation = {
  method: "GET",
  pattern: "/api/v1/workers",
  access: "read",
  id: "listWorkers",
  tag: "Replicas",
  summary: "List the live replicas",
  answers: ok(
    "The latest report of each live replica",
    Type.Object({
      workers: Type.Array(
        Type.Object({
          id: Type.String(),
          host: Type.String(),
          version: Type.String(),
          role: Type.String(),
          since: timeSchema,
          heartbeat: timeSchema,
          types: Type.Record(Type.String(), capacity),
          lanes: Type.Object({ io: capacity, cpu: capacity }),
          threads: Type.Object({ size: count, busy: count }),
          memory_bytes: nullable(count, "The memory that the process uses; null if its version does not report it"),
          memory_limit_bytes: nullable(count, "The limit of its container; null without one"),
          draining: Type.Boolean({ description: "Whether it shuts down: it finishes its jobs, and starts no others" }),
          event_loop_delay_ms: Type.Object({ p50: Type.Number(), p99: Type.Number() }),
          latency_ms: latency,
        }),
      ),
    }),
  ),
  problems: STATS_PROBLEMS,
};

export const getStats: Operation = {
  method: "GET",
  pattern: "/api/v1/stats",
  access: "read",
  id: "getStats",
  tag: "Replicas",
  summary: "Read job counts, rates and latencies",
  description:
    "All counts are of the same instant, and the same on every replica. `unaccounted` is 0 unless a job was lost.",
  answers: ok(
    "Counts, rates and latencies",
    Type.Object({
      time: timeSchema,
      totals: statusCounts,
      by_type: Type.Record(Type.String(), statusCounts),
      jobs_per_minute: Type.Object({ "1m": Type.Number(), "5m": Type.Number(), "15m": Type.Number() }),
      latency_ms: latency,
      outbox_depth: count,
      replicas: count,
      accepted: count,
      unaccounted: Type.Integer(),
    }),
  ),
  problems: STATS_PROBLEMS,
};

export const getWhoami: Operation = {
  method: "GET",
  pattern: "/api/v1/whoami",
  access: "any",
  id: "whoami",
  tag: "Replicas",
  summary: "Read who the caller is, and what it may do",
  description:
    "For pages that offer only what their user may do. For a request that needs neither an API key nor a user, both are null, and all scopes are listed.",
  answers: ok(
    "The caller, and the settings of the dashboard",
    Type.Object({
      key: nullable(
        Type.Object(
          { id: Type.String(), name: Type.String() },
          { description: "The API key of the request; null without one" },
        ),
      ),
      user: nullable(
        Type.String({ description: "The user whom an auth proxy has authenticated (`DASHBOARD_USER_HEADER`)" }),
      ),
      scopes: Type.Array(Type.Enum([...SCOPES]), {
        description: "What the caller may do",
      }),
      dashboard: Type.Object({
        mode: Type.Enum(["full", "read", "off"], { description: "The setting `DASHBOARD`" }),
        label: nullable(Type.String({ description: "The setting `DASHBOARD_LABEL`" })),
      }),
      version: Type.String({ description: "The version of this replica" }),
    }),
  ),
};
