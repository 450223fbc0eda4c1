/** `GET /api/v1/stats` and `/workers`: two views of the books of one instant, the same from every replica. */

import type { SharedRead } from "../../concurrency/shared-read.ts";
import { STATUSES } from "../../core/job.ts";
import { formatTime } from "../../core/rfc3339.ts";
import { percentiles } from "../../observability/latency-window.ts";
import type { JobCounts, TypeCounts } from "../../queue/counts.ts";
import type { Answer } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { readReplicas } from "./replica.ts";

/** Read anew, so that callers see what they did before; those who ask at the same time share one read. */
type CountsReader = Pick<SharedRead<JobCounts>, "fresh">;

export function getStats(jobCounts: CountsReader): () => Promise<Answer> {
  return async () => json(200, JSON.stringify(statsOf(await jobCounts.fresh())));
}

function statsOf({ now, types, accepted, outbox, unaccounted, endedByMinute, replicas: texts }: JobCounts): unknown {
  const replicas = readReplicas(texts);
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

/** Jobs that ended a minute, over the last `minutes`: of the oldest minute only the share that is not yet past counts. */
function rateOver(minutes: number, endedByMinute: readonly number[], now: number): number {
  const share = 1 - (now % 60_000) / 60_000;
  const ended =
    endedByMinute.slice(0, minutes).reduce((sum, count) => sum + count, 0) + (endedByMinute[minutes] ?? 0) * share;
  return Math.round((10 * ended) / minutes) / 10;
}

export function getWorkers(jobCounts: CountsReader): () => Promise<Answer> {
  return async () => {
    const workers = readReplicas((await jobCounts.fresh()).replicas).map(
      ({ since, heartbeat, slots, latency, ...about }) => ({
        ...about,
        since: formatTime(since),
        heartbeat: formatTime(heartbeat),
        types: slots,
        latency_ms: { pickup: percentiles([latency.pickup]), run: percentiles([latency.run]) },
      }),
    );
    return json(200, JSON.stringify({ workers }));
  };
}
