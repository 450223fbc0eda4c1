/** How the system is: figures, problems, history; on an empty server, a starting point. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Series, Stats } from "../../../client/taskflow.ts";
import type { Resource } from "../../data/resource.ts";
import { useResource } from "../../data/resource.ts";
import { Page, Panel } from "../../parts/page.tsx";
import { Stale } from "../../parts/problem.tsx";
import type { ShownRange } from "../../parts/range.tsx";
import { RangePicker, useRange } from "../../parts/range.tsx";
import { now } from "../../parts/time.tsx";
import { HistoryCharts } from "./history-charts.tsx";
import type { Live } from "./observed.ts";
import { useLive, useObserved } from "./observed.ts";
import { OverviewTiles } from "./overview-tiles.tsx";
import { ProblemList } from "./problem-list.tsx";
import { hasSample, TryIt } from "./try-it.tsx";
import { TypeTables } from "./type-tables.tsx";

/** The starting point is offered while there are fewer jobs. */
const FEW_JOBS = 10;
const SERIES_EVERY_MS = 15_000;

export function Overview(): JSX.Element {
  const live = useLive();
  const range = useRange();
  const start = useStart(live.stats);
  return (
    <Page title="Overview" actions={start.isEmpty ? null : <RangePicker />}>
      {live.stats.error ? <Stale of={live.stats} /> : null}
      <OverviewTiles live={live} />
      {start.place === "top" ? (
        <Panel title="Try it" aside="Each button submits a real job.">
          <TryIt />
        </Panel>
      ) : null}
      {start.isEmpty === false ? <History live={live} range={range} /> : null}
      {start.place === "bottom" ? (
        <details class="panel try-it">
          <summary>Try it</summary>
          <TryIt />
        </details>
      ) : null}
    </Page>
  );
}

function History({ live, range }: { readonly live: Live; readonly range: ShownRange }): JSX.Element {
  const observed = useObserved(live);
  const { series, readAt, error } = useSeries(range);
  return (
    <>
      {error ? <Stale of={error} /> : null}
      <div class="overview">
        <ProblemList observed={observed} />
        <HistoryCharts range={range} series={series} readAt={readAt} />
      </div>
      <TypeTables range={range} series={series} />
    </>
  );
}

interface ShownSeries {
  readonly series: Series | undefined;
  readonly readAt: number;
  readonly error: Resource<Series> | undefined;
}

/** The series of the range; until it is read, that of the range before, so that the charts keep their place. */
function useSeries(range: ShownRange): ShownSeries {
  const isOver = range.preset === undefined && Date.parse(range.to) <= now.peek();
  const resource = useResource(
    `series/${range.key}`,
    (api, signal) => api.series({ ...range.current(), by: "type", signal }),
    { everyMs: isOver ? 0 : SERIES_EVERY_MS },
  );
  const last = useRef<{ readonly series: Series; readonly readAt: number } | undefined>(undefined);
  if (resource.data && resource.readAt !== undefined) last.current = { series: resource.data, readAt: resource.readAt };
  return {
    series: last.current?.series,
    readAt: last.current?.readAt ?? 0,
    error: resource.error ? resource : undefined,
  };
}

interface Start {
  /** Whether there has never been a job; undefined while it is not known. */
  readonly isEmpty: boolean | undefined;
  /** Where the starting point is. It stays there while the screen is open. */
  readonly place: "top" | "bottom" | "none";
}

function useStart({ data: stats }: Resource<Stats>): Start {
  const [place, setPlace] = useState<Start["place"] | undefined>(hasSample() ? "top" : undefined);
  const hasFew = stats !== undefined && stats.accepted < FEW_JOBS;
  const known = useResource(`few-jobs/${hasFew}`, async (api, signal) => {
    if (!hasFew) return undefined;
    // Redis counts since its data began; the history may be older
    for await (const page of api.pages({ view: "summary", pageSize: FEW_JOBS, signal })) return page.jobs.length;
    return 0;
  });
  const count = hasFew ? known.data : stats && FEW_JOBS;
  useEffect(() => {
    if (place === undefined && count !== undefined)
      setPlace(count === 0 ? "top" : count < FEW_JOBS ? "bottom" : "none");
  }, [count]);
  const isEmpty = stats && stats.accepted > 0 ? false : count === undefined ? undefined : count === 0;
  return { isEmpty, place: place ?? "none" };
}
