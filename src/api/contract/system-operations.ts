/** The calls about the system: queues, replicas, books, health. */

import type { TSchema } from "typebox";
import { Type } from "typebox";
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

const queueSchema = Type.Object({
  type: Type.String(),
  state: Type.Enum(["active", "paused"]),
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
  summary: "The queue of each type",
  answers: ok("State, depth and oldest wait", Type.Object({ queues: Type.Array(queueSchema) })),
  problems: STATS_PROBLEMS,
};

export const pauseQueue: Operation = {
  method: "POST",
  pattern: "/api/v1/queues/{type}/pause",
  access: "admin",
  id: "pauseQueue",
  tag: "Queues",
  summary: "Stop claiming the jobs of a type, on every replica",
  description: "Jobs are accepted and wait; those that run go on. Repeated, it changes nothing.",
  body: NO_FIELDS,
  isBodyOptional: true,
  answers: ok("The queue as it is now", queueSchema),
  problems: ["queue_not_found", ...NO_FIELDS_PROBLEMS, ...STATS_PROBLEMS],
};

export const resumeQueue: Operation = {
  method: "POST",
  pattern: "/api/v1/queues/{type}/resume",
  access: "admin",
  id: "resumeQueue",
  tag: "Queues",
  summary: "Let the jobs of a type run again",
  body: NO_FIELDS,
  isBodyOptional: true,
  answers: ok("The queue as it is now", queueSchema),
  problems: ["queue_not_found", ...NO_FIELDS_PROBLEMS, ...STATS_PROBLEMS],
};

export const getWorkers: Operation = {
  method: "GET",
  pattern: "/api/v1/workers",
  access: "read",
  id: "listWorkers",
  tag: "Replicas",
  summary: "Each live replica",
  answers: ok(
    "What each replica says of itself",
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
  summary: "The books of one instant",
  description: "The same from every replica. `unaccounted` is 0 unless a job was lost.",
  answers: ok(
    "Totals, rates and latencies",
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
  summary: "How each needed part is, for people and alerts",
  description:
    "`degraded`: Redis or Postgres is away, outcomes cannot be written, or no replica runs jobs. The status is 200 as long as jobs are accepted: with Postgres away, they run and their outcomes wait in Redis, unless `ACCEPT_DURABILITY` is `postgres`. Alert on `status`. Balancers ask `/api/v1/health/ready`, and what restarts processes asks `/api/v1/health/live`.",
  answers: {
    ...ok("Jobs are accepted; `status` says whether all is well", health),
    503: {
      description: "Jobs cannot be accepted now; what was accepted is safe",
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
  summary: "Whether the process answers, for liveness probes",
  description:
    "It asks nobody else: restarting a replica mends no Redis and no Postgres. A replica that shuts down is alive until it ends.",
  answers: ok("It does", alive),
};

export const isReady: Operation = {
  method: "GET",
  pattern: "/api/v1/health/ready",
  access: "open",
  id: "isReady",
  tag: "Health",
  summary: "Whether new work should come here, for balancers and readiness probes",
  description:
    "200 while Redis answers, whatever Postgres does. 503 from the moment at which the replica is asked to end; with `SHUTDOWN_DELAY_MS` it still takes jobs for so long.",
  answers: ok("It should", alive),
  problems: ["draining", ...STATS_PROBLEMS],
};

export const getMetrics: Operation = {
  method: "GET",
  pattern: "/metrics",
  access: "open",
  id: "getMetrics",
  tag: "Health",
  summary: "Metrics as Prometheus reads them",
  answers: { 200: { description: "The text format", content: { "text/plain": { schema: Type.String() } } } },
};

export const listMail: Operation = {
  method: "GET",
  pattern: "/dev/mail",
  access: "read",
  id: "listMail",
  tag: "Development",
  summary: "What the mail catcher caught",
  answers: ok("Newest first", Type.Object({ mail: Type.Array(Type.Object({})) })),
};

export const readMail: Operation = {
  method: "GET",
  pattern: "/dev/mail/{mail_id}",
  access: "read",
  id: "readMail",
  tag: "Development",
  summary: "One caught message",
  answers: ok("The message", Type.Object({})),
  problems: ["mail_not_found"],
};

export const readMailPart: Operation = {
  method: "GET",
  pattern: "/dev/mail/{mail_id}/{name}",
  access: "read",
  id: "readMailPart",
  tag: "Development",
  summary: "A caught message's html, source or attachment",
  description: "`html`, `source`, or `attachment-N`, counted from 0.",
  answers: { 200: { description: "The part", content: { "*/*": { schema: Type.String({ format: "binary" }) } } } },
  problems: ["mail_not_found"],
};
