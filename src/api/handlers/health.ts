/** `GET /api/v1/health`, and the probes beside it. */

import { SharedRead } from "../../concurrency/shared-read.ts";
import { messageOf } from "../../errors.ts";
import { publicMessageOf } from "../../observability/outage.ts";
import type { JobCounts } from "../../queue/counts.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Answer, Handler } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";
import { readReplicas } from "./replica.ts";

/** A round trip to Redis that is older than this says nothing about now. */
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
 * `degraded` when something is not as it should be, and 503 only while submissions cannot be taken: a balancer that asks here must not lose
 * replicas that work. What was accepted is safe all the same. Looked at once a second at most, however many ask.
 */
export function getHealth(deps: HealthReader, jobCounts: CountsReader): () => Promise<Answer> {
  const away = { redis: awayLog(deps.log, "Redis"), postgres: awayLog(deps.log, "Postgres") };
  const shared = new SharedRead(() => lookAt(deps, jobCounts, away));
  return () => shared.recent();
}

/** Logs why a needed part is away, once for each reason: callers learn its kind alone. Without an error, it is back. */
type AwayLog = (error?: unknown) => void;

function awayLog(log: HealthReader["log"], part: string): AwayLog {
  let last = "";
  return (error) => {
    const reason = error === undefined ? "" : messageOf(error);
    if (reason !== last && error !== undefined) log.warn({ error }, `${part} is away, says the health check`);
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
    redis.status === "ok" && (deps.settings.durability === "redis" || postgres.latency_ms !== undefined); // which Postgres has where it answers
  return json(takesJobs ? 200 : 503, JSON.stringify({ status: isOk ? "ok" : "degraded", checks }));
}

async function checkRedis(shared: CountsReader, away: AwayLog): Promise<{ redis: Check; workers: Check }> {
  const startedAt = performance.now();
  try {
    const jobCounts = await shared.fresh();
    away();
    const replicas = readReplicas(jobCounts.replicas).filter(({ role }) => role !== "api").length;
    const workers: Check =
      replicas > 0
        ? { status: "ok", replicas }
        : { status: "degraded", replicas, error: "no replica that runs jobs is alive" };
    return { redis: { status: "ok", latency_ms: rounded(performance.now() - startedAt) }, workers };
  } catch (error) {
    away(error);
    return {
      redis: { status: "degraded", error: publicMessageOf(error) },
      workers: { status: "degraded", error: "unknown without Redis" },
    };
  }
}

async function checkPostgres({ store, recorder }: HealthReader, away: AwayLog): Promise<Check> {
  try {
    const latency_ms = rounded(await store.ping());
    away();
    return recorder.isHealthy
      ? { status: "ok", latency_ms }
      : { status: "degraded", latency_ms, error: "outcomes cannot be written at present" };
  } catch (error) {
    away(error);
    return { status: "degraded", error: publicMessageOf(error) };
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

const OK = json(200, '{"status":"ok"}');

/** The process answers: one that does not should be started anew. */
export const isLive: Handler = (_request, reply) => reply.send(OK);

/** Whether new work should come here, for balancers and rolling updates. Postgres away: it should, the outbox takes what ends meanwhile. */
export function isReady(
  { queue }: HealthReader,
  jobCounts: CountsReader,
  isLeaving: () => boolean,
): () => Promise<Answer> {
  return async () => {
    if (isLeaving()) return problem(503, "draining", "This replica is shutting down.");
    // One that just started, or has nothing to do, may have been silent: then this call is the round trip that tells.
    if (queue.silentMs >= MAX_SILENT_MS) await jobCounts.recent();
    return OK;
  };
}
