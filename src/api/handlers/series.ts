/** `GET /api/v1/stats/series`: what finished, step by step, and by type. */
import { formatTime } from "../../core/rfc3339.ts";
import type { SeriesPoint } from "../../results/history/history-reader.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problemOfRejection } from "../http/problem.ts";
import { readSeriesQuery, STEP_MS } from "./history-query.ts";

export function getSeries({ queue, store }: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const query = readSeriesQuery(request.query, queue.clock.now());
    if ("rejection" in query) return problemOfRejection(query.rejection);
    const { step, from, to, isByType } = query;
    const byTime = new Map((await store.history.series(step, query)).map((point) => [point.at, point]));
    const series = Array.from({ length: (to - from) / STEP_MS[step] }, (_, index) =>
      pointOf(from + index * STEP_MS[step], byTime),
    );
    const types = isByType ? (await store.history.types(step, query)).map(countsOf) : undefined;
    const versions = (await store.history.versions(query)).map(({ at, version }) => ({ at: formatTime(at), version }));
    return json(
      200,
      JSON.stringify({ step, from: formatTime(from), to: formatTime(to), series, ...(types && { types }), versions }),
    );
  };
}

const NO_JOBS = { completed: 0, failed: 0, cancelled: 0, retries: 0, run_total_ms: 0, pickup: null, run: null };

function pointOf(at: number, byTime: ReadonlyMap<number, SeriesPoint>): unknown {
  return { ...countsOf(byTime.get(at) ?? NO_JOBS), at: formatTime(at) };
}

function countsOf({ pickup, run, ...counts }: Pick<SeriesPoint, "pickup" | "run">): object {
  return { ...counts, pickup_ms: pickup, run_ms: run };
}
