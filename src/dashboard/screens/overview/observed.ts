/** The data of the overview: read once for all its parts, and never by counting rows. */
import { useEffect, useRef } from "preact/hooks";
import type { Queue, Series, Stats, Worker } from "../../../client/taskflow.ts";
import { firstOf } from "../../data/first-of.ts";
import type { Resource } from "../../data/resource.ts";
import { useResource } from "../../data/resource.ts";
import { STEP_MS } from "../../parts/range-times.ts";
import type { Counts, Observed } from "./problems.ts";

const READ_EVERY_MS = 2_000;
/** Failures and hosts change slowly, and Postgres reads an hour for them. */
const READ_SLOWLY_MS = 15_000;
/** The age of the queues that tell whether waits grow. */
const TREND_MS = 30_000;
/** Late schedules that are read: one more than the overview lists. */
const LATE_LIMIT = 6;

export interface Live {
  readonly stats: Resource<Stats>;
  readonly queues: Resource<Queue[]>;
  readonly workers: Resource<Worker[]>;
  /** The minutes of the last two minutes, the current one last. */
  readonly rates: Resource<Series>;
}

export function useLive(): Live {
  const every = { everyMs: READ_EVERY_MS };
  return {
    stats: useResource("stats", (api, signal) => api.stats({ signal }), every),
    queues: useResource("queues", (api, signal) => api.queues({ signal }), every),
    workers: useResource("workers", (api, signal) => api.workers({ signal }), every),
    rates: useResource(
      "rates",
      (api, signal) => api.series({ from: new Date(Date.now() - 2 * STEP_MS.minute), signal }),
      every,
    ),
  };
}

/** What the problems are computed from. */
export function useObserved({ stats, queues, workers }: Live): Observed {
  const health = useResource("health", (api, signal) => api.health({ signal }), { everyMs: READ_EVERY_MS });
  const slowly = { everyMs: READ_SLOWLY_MS };
  const destinations = useResource("destinations", (api, signal) => api.destinations({ signal }), slowly);
  const late = useResource(
    "schedules-late",
    (api, signal) => firstOf(api.schedulePages({ late: true, pageSize: LATE_LIMIT, signal })),
    slowly,
  );
  const lastHour = useFailures("last", 0);
  const yesterday = useFailures("yesterday", STEP_MS.day);
  return {
    health: health.data,
    unaccounted: stats.data?.unaccounted,
    queues: queues.data,
    earlierQueues: useEarlier(queues),
    workers: workers.data,
    destinations: destinations.data,
    lateSchedules: late.data?.schedules,
    failures: lastHour && yesterday && { lastHour, yesterday },
  };
}

function useFailures(name: string, agoMs: number): Counts | undefined {
  const { data } = useResource(
    `failures/${name}`,
    (api, signal) => {
      const to = Date.now() - agoMs;
      const from = new Date(to - STEP_MS.hour);
      // without `to`, the current minute counts too
      return api.series({ from, ...(agoMs > 0 && { to: new Date(to) }), by: "type", signal });
    },
    { everyMs: READ_SLOWLY_MS },
  );
  return data && new Map((data.types ?? []).map(({ type, failed }) => [type, failed]));
}

interface Reading {
  readonly at: number;
  readonly queues: readonly Queue[];
}

/** The oldest reading of the last 30 s; undefined after the first one. */
function useEarlier({ data, readAt }: Resource<Queue[]>): readonly Queue[] | undefined {
  const readings = useRef<readonly Reading[]>([]);
  useEffect(() => {
    if (!data || readAt === undefined) return;
    readings.current = [...readings.current.filter(({ at }) => readAt - at <= TREND_MS), { at: readAt, queues: data }];
  }, [data, readAt]);
  const [oldest] = readings.current;
  return oldest && oldest.at !== readAt ? oldest.queues : undefined;
}
