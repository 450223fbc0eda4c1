/** `GET /api/v1/health`, and the liveness and readiness probes. */
import { SharedRead } from "../../concurrency/shared-read.ts";
import { readReports } from "../../core/heartbeat.ts";
import { messageOf } from "../../errors.ts";
import { publicMessageOf } from "../../observability/outage.ts";
import type { JobCounts } from "../../queue/counts.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Answer, Handler } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";

/** An older round trip to Redis does not prove that Redis is available now. */
const MAX_SILENT_MS = 5_000;

type HealthReader = Pick<ApiDependencies, "queue" | "store" | "recorder" | "log"> & {
  readonly settings: Pick<ApiDependencies["settings"], "durability">;
};
type CountsReader = Pick<SharedRead<JobCounts>, "recent" | "fresh">;

interface Check {
  readonly status: "ok" | "degraded";
  readonly latency_ms?: number;
  readonly error?: string;
  readonly replicas?: number;
}

/**
 * `degraded` if any check fails, but 503 only while submissions cannot be accepted: a load balancer that uses this path
 * must not take out working replicas. Accepted jobs are safe in any case. The checks run at most once a second, however
 * many callers ask.
 */
export function getHealth(deps: HealthReader, jobCounts: CountsReader): () => Promise<Answer> {
  const away = { redis: awayLog(deps.log, "Redis"), postgres: awayLog(deps.log, "Postgres") };
  const shared = new SharedRead(() => lookAt(deps, jobCounts, away));
  return () => shared.recent();
}

/**
 * Logs why Redis or Postgres is unavailable, once for each reason; callers get only its kind. Called without an error,
 * it resets.
 */
type AwayLog = (error?: unknown) => void;

function awayLog(log: HealthReader["log"], part: string): AwayLog {
  let last = "";
  return (error) => {
    const reason = error === undefined ? "" : messageOf(error);
    if (reason !== last && error !== undefined) log.warn({ error }, `health check: ${part} is unavailable`);
    last = reason;
  };
}

async function lookAt(
  deps: HealthReader,
  jobCounts: CountsReader,
  away: { readonly redis: AwayLog; readonly postgres: AwayLog },
): Promise<Answer> {
  const [{ redis, workers }, postgres] = await Promise.all([
    checkRedis(jobCounts, away.redis),
    checkPostgres(deps, away.postgres),
  ]);
  const checks = { redis, postgres, workers };
  const isOk = Object.values(checks).every(({ status }) => status === "ok");
  const takesJobs =
    // Postgres has a latency if it answered.
    redis.status === "ok" && (deps.settings.durability === "redis" || postgres.latency_ms !== undefined);
  return json(takesJobs ? 200 : 503, JSON.stringify({ status: isOk ? "ok" : "degraded", checks }));
}

async function checkRedis(shared: CountsReader, away: AwayLog): Promise<{ redis: Check; workers: Check }> {
  const startedAt = performance.now();
  try {
    const jobCounts = await shared.fresh();
    away();
    const replicas = readReports(jobCounts.replicas).filter(({ role }) => role !== "api").length;
    const workers: Check =
      replicas > 0 ? { status: "ok", replicas } : { status: "degraded", replicas, error: "no live replica runs jobs" };
    return { redis: { status: "ok", latency_ms: rounded(performance.now() - startedAt) }, workers };
  } catch (error) {
    away(error);
    return {
      redis: { status: "degraded", error: publicMessageOf(error) },
      workers: { status: "degraded", error: "unknown while Redis is unavailable" },
    };
  }
}

async function checkPostgres({ store, recorder }: HealthReader, away: AwayLog): Promise<Check> {
  try {
    const latency_ms = rounded(await store.ping());
    away();
    return recorder.isHealthy
      ? { status: "ok", latency_ms }
      : { status: "degraded", latency_ms, error: "outcomes cannot be written" };
  } catch (error) {
    away(error);
    return { status: "degraded", error: publicMessageOf(error) };
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

const OK = json(200, '{"status":"ok"}');

/** The process answers; a process that does not should be restarted. */
export const isLive: Handler = (_request, reply) => reply.send(OK);

/** Whether this replica should get requests. Postgres need not be available: outcomes wait in the outbox. */
export function isReady(
  { queue }: HealthReader,
  jobCounts: CountsReader,
  isLeaving: () => boolean,
): () => Promise<Answer> {
  return async () => {
    if (isLeaving()) return problem(503, "draining", "This replica is shutting down.");
    // A replica that just started, or is idle, may not have called Redis lately: then this call is the check.
    if (queue.silentMs >= MAX_SILENT_MS) await jobCounts.recent();
    return OK;
  };
}
