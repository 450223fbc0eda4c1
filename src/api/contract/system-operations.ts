/** The calls about the system: queues, replicas, job counts, health. */

import type { TSchema } from "typebox";
import { Type } from "typebox";
import { SCOPES } from "../../core/api-key.ts";
import { STATUSES } from "../../core/job.ts";
import { nullable, timeSchema } from "./job-schemas.ts";
import { NO_FIELDS, NO_FIELDS_PROBLEMS } from "./no-fields.ts";
import type { Operation, OperationAnswer } from "./operation.ts";

const count = Type.Integer({ minimum: 0 });
const ms = nullable(Type.Number({ minimum: 0 }));
const percentiles = nullable(Type.Object({ p50: ms, p95: ms, p99: ms }));
const latency = Type.Object({ pickup: percentiles, run: percentiles });
const capacity = Type.Object({ limit: count, running: count });
const statusCounts = Type.Object(Object.fromEntries(STATUSES.map((status) => [status, count])));

function ok(description: string, schema: TSchema): Readonly<Record<number, OperationAnswer>> {
  return { 200: { description, content: { "application/json": { schema } } } };
}

const STATS_PROBLEMS = ["queue_unavailable", "outcome_unknown"];

export const queueSchema = Type.Object({
  type: Type.String(),
  state: Type.Enum(["active", "paused"]),
  paused_reason: nullable(Type.String({ description: "Null too if the pause has no reason" })),
  depth: count,
  oldest_wait_ms: nullable(Type.Number({ minimum: 0 })),
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

const check = Type.Object({
  status: Type.Enum(["ok", "degraded"]),
  latency_ms: Type.Optional(Type.Number()),
  error: Type.Optional(Type.String()),
  replicas: Type.Optional(count),
});
const health = Type.Object({
  status: Type.Enum(["ok", "degraded"]),
  checks: Type.Object({ redis: check, postgres: check, workers: check }),
});
const alive = Type.Object({ status: Type.Literal("ok") });

export const getHealth: Operation = {
  method: "GET",
  pattern: "/api/v1/health",
  access: "open",
  id: "getHealth",
  tag: "Health",
  summary: "Check Redis, Postgres and the workers, for people and alerts",
  description:
    "`degraded`: Redis or Postgres does not answer, outcomes cannot be written, or no replica runs jobs. The HTTP status is 200 as long as the server accepts jobs: while Postgres is unavailable, jobs run and their outcomes wait in Redis, unless `ACCEPT_DURABILITY` is `postgres`. Alert on the field `status`. Use `/api/v1/health/ready` for load balancers and `/api/v1/health/live` for liveness probes.",
  answers: {
    ...ok("The server accepts jobs; `status` reports whether anything is degraded", health),
    503: {
      description: "The server cannot accept jobs now; accepted jobs are safe",
      content: { "application/json": { schema: health } },
    },
  },
};

export const isLive: Operation = {
  method: "GET",
  pattern: "/api/v1/health/live",
  access: "open",
  id: "isLive",
  tag: "Health",
  summary: "Liveness probe: does the process answer?",
  description:
    "Checks neither Redis nor Postgres: restarting a replica repairs neither. A replica that is shutting down is live until it exits.",
  answers: ok("The process answers", alive),
};

export const isReady: Operation = {
  method: "GET",
  pattern: "/api/v1/health/ready",
  access: "open",
  id: "isReady",
  tag: "Health",
  summary: "Readiness probe: should this replica get requests?",
  description:
    "200 while Redis answers, whether or not Postgres does. 503 as soon as the replica is asked to shut down; during `SHUTDOWN_DELAY_MS` it still accepts jobs.",
  answers: ok("The replica is ready", alive),
  problems: ["draining", ...STATS_PROBLEMS],
};

/** The paths of the same probes in Kubernetes' own components, which many tools use as their default. */
export const getHealthz = aliasOf(getHealth, "/healthz", "getHealthz");
export const isLivez = aliasOf(isLive, "/livez", "isLivez");
export const isReadyz = aliasOf(isReady, "/readyz", "isReadyz");

function aliasOf(operation: Operation, pattern: string, id: string): Operation {
  return { ...operation, pattern, id, description: `The same answer as \`${operation.pattern}\`.` };
}

export const getMetrics: Operation = {
  method: "GET",
  pattern: "/metrics",
  access: "open",
  id: "getMetrics",
  tag: "Health",
  summary: "Metrics for Prometheus",
  answers: { 200: { description: "The Prometheus text format", content: { "text/plain": { schema: Type.String() } } } },
};

const mailSummarySchema = Type.Object({
  id: Type.String({ description: "Later messages have greater ids" }),
  receivedAtMs: Type.Integer({ description: "Milliseconds since 1970" }),
  from: Type.String(),
  subject: Type.String(),
  to: Type.Array(Type.String(), { description: "All recipients, including blind copies" }),
});

const mailSchema = Type.Object({
  message_id: Type.Optional(Type.String()),
  from: Type.Optional(Type.String()),
  to: Type.Array(Type.String()),
  subject: Type.Optional(Type.String()),
  text: Type.Optional(Type.String()),
  html: Type.Optional(Type.String()),
  attachments: Type.Array(
    Type.Object({ filename: Type.Optional(Type.String()), content_type: Type.String(), bytes: count }),
  ),
});

export const listMail: Operation = {
  method: "GET",
  pattern: "/dev/mail",
  access: "read",
  id: "listMail",
  tag: "Development",
  summary: "List the messages in the mail catcher",
  answers: ok("The messages, newest first", Type.Object({ mail: Type.Array(mailSummarySchema) })),
};

export const readMail: Operation = {
  method: "GET",
  pattern: "/dev/mail/{mail_id}",
  access: "read",
  id: "readMail",
  tag: "Development",
  summary: "Read a message in the mail catcher",
  answers: ok("The message", mailSchema),
  problems: ["mail_not_found"],
};

export const readMailPart: Operation = {
  method: "GET",
  pattern: "/dev/mail/{mail_id}/{name}",
  access: "read",
  id: "readMailPart",
  tag: "Development",
  summary: "Read the HTML, the source or an attachment of a caught message",
  description: "`name` is `html`, `source`, or `attachment-N`, counted from 0.",
  answers: { 200: { description: "The part", content: { "*/*": { schema: Type.String({ format: "binary" }) } } } },
  problems: ["mail_not_found"],
};
