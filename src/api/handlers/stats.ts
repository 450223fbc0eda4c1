/**
 * `GET /api/v1/stats` and `/workers`: the job counts and replica reports of one instant, the same from every replica.
 */
import type { SharedRead } from "../../concurrency/shared-read.ts";
import { readReports } from "../../core/heartbeat.ts";
import { STATUSES } from "../../core/job.ts";
import { formatTime } from "../../core/rfc3339.ts";
import { percentiles } from "../../observability/latency-window.ts";
import type { JobCounts, TypeCounts } from "../../queue/counts.ts";
import type { Answer } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";

/** A fresh read, so that callers see their own earlier requests; concurrent callers share one. */
type CountsReader = Pick<SharedRead<JobCounts>, "fresh">;

export function getStats(jobCounts: CountsReader): () => Promise<Answer> {
  return async () => json(200, JSON.stringify(statsOf(await jobCounts.fresh())));
}

function statsOf({ now, types, accepted, outbox, unaccounted, endedByMinute, replicas: reports }: JobCounts): unknown {
  const replicas = readReports(reports);
  const latency = (of: "pickup" | "run") => percentiles(replicas.map((replica) => replica.latency[of]));
  return {
    time: formatTime(now),
    totals: totalsOf(types),
    by_type: Object.fromEntries(types.map((jobCounts) => [jobCounts.type, totalsOf([jobCounts])])),
    jobs_per_minute: {
      "1m": rateOver(1, endedByMinute, now),
      "5m": rateOver(5, endedByMinute, now),
      "15m": rateOver(15, endedByMinute, now),
    },
    latency_ms: { pickup: latency("pickup"), run: latency("run") },
    outbox_depth: outbox,
    replicas: replicas.length,
    accepted,
    unaccounted,
  };
}

function totalsOf(types: readonly TypeCounts[]): Record<string, number> {
  return Object.fromEntries(
    STATUSES.map((status) => [status, types.reduce((sum, jobCounts) => sum + jobCounts[status], 0)]),
  );
}

/**
 * Finished jobs per minute, over the last `minutes`; of the oldest, partial minute, only the share within that period
 * counts.
 */
function rateOver(minutes: number, endedByMinute: readonly number[], now: number): number {
  const share = 1 - (now % 60_000) / 60_000;
  const ended =
    endedByMinute.slice(0, minutes).reduce((sum, count) => sum + count, 0) + (endedByMinute[minutes] ?? 0) * share;
  return Math.round((10 * ended) / minutes) / 10;
}

export function getWorkers(jobCounts: CountsReader): () => Promise<Answer> {
  return async () => {
    const workers = readReports((await jobCounts.fresh()).replicas).map(
      ({ since, heartbeat, slots, latency, memory_bytes, memory_limit_bytes, draining, ...report }) => ({
        ...report,
        memory_bytes: memory_bytes ?? null, // from here on: missing in reports of earlier versions
        memory_limit_bytes: memory_limit_bytes ?? null,
        draining: draining ?? false,
        since: formatTime(since),
        heartbeat: formatTime(heartbeat),
        types: slots,
        latency_ms: { pickup: percentiles([latency.pickup]), run: percentiles([latency.run]) },
      }),
    );
    return json(200, JSON.stringify({ workers }));
  };
}
