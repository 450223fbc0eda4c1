/** The probes of a replica, and its metrics. */
import { Type } from "typebox";
import { type Operation, ok } from "./operation.ts";

const STATS_PROBLEMS = ["queue_unavailable", "outcome_unknown"];

const check = Type.Object({
  status: Type.Enum(["ok", "degraded"]),
  latency_ms: Type.Optional(Type.Number()),
  error: Type.Optional(Type.String()),
  replicas: Type.Optional(Type.Integer({ minimum: 0 })),
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
