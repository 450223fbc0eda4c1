/** What ended of each type lately: the rates and the latencies of the queues. */
import type { Series } from "../../../client/taskflow.ts";
import { useResource } from "../../data/resource.ts";
import { rateText } from "../../parts/series-points.ts";

const WINDOW_MINUTES = 15;
export const WINDOW_TEXT = `last ${WINDOW_MINUTES} min`;
const READ_EVERY_MS = 15_000;

export type RecentCounts = NonNullable<Series["types"]>[number];

/** @returns undefined before the first answer */
export function useRecentCounts(): readonly RecentCounts[] | undefined {
  const { data } = useResource(
    "series/recent by type",
    (api, signal) => api.series({ from: new Date(Date.now() - WINDOW_MINUTES * 60_000), by: "type", signal }),
    { everyMs: READ_EVERY_MS },
  );
  return data?.types;
}

/** @param count of the last minutes; undefined for none */
export function perMinute(count = 0): string {
  return rateText(count / WINDOW_MINUTES);
}
