/** A queue over the range of the URL: its depth, its oldest wait, and what ended. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { QueueHistory, Series } from "../../../client/taskflow.ts";
import { useResource } from "../../data/resource.ts";
import { Chart } from "../../parts/chart.tsx";
import { ChartTable } from "../../parts/chart-table.tsx";
import { countText, durationText, shortCount } from "../../parts/format.ts";
import { Panel } from "../../parts/page.tsx";
import { Stale } from "../../parts/problem.tsx";
import type { ShownRange } from "../../parts/range.tsx";
import { brushRange, useRange } from "../../parts/range.tsx";
import { pointsOf, rateText, stepsSoFar } from "../../parts/series-points.ts";
import { depthPoints } from "./depth-points.ts";

const READ_EVERY_MS = 15_000;

export function QueueCharts({ type }: { readonly type: string }): JSX.Element {
  const range = useRange();
  const every = { everyMs: READ_EVERY_MS };
  const history = useResource(
    `queue-history/${type}/${range.key}`,
    (api, signal) => {
      const { from, to } = range.current();
      return api.queueHistory(type, { from, to, signal });
    },
    every,
  );
  const series = useResource(
    `series/${type}/${range.key}`,
    (api, signal) => api.series({ ...range.current(), type, signal }),
    every,
  );
  const failed = [history, series].find(({ error }) => error);
  return (
    <>
      {failed ? <Stale of={failed} /> : null}
      <div class="queue-charts">
        <DepthCharts range={range} history={history.data} readAt={history.readAt ?? 0} />
        <EndedCharts range={range} series={series.data} readAt={series.readAt ?? 0} />
      </div>
    </>
  );
}

interface DepthProps {
  readonly range: ShownRange;
  /** Undefined before the first answer. */
  readonly history: QueueHistory | undefined;
  /** Epoch ms. */
  readonly readAt: number;
}

function DepthCharts({ range, history, readAt }: DepthProps): JSX.Element {
  const points = useMemo(() => {
    const { from, to } = range.current();
    return history ? depthPoints(history, Date.parse(from), Math.min(Date.parse(to), readAt)) : [];
  }, [history]);
  const times = useMemo(() => points.map(({ at }) => Date.parse(at)), [points]);
  const depth = useMemo(
    () => [{ title: "Waiting jobs", color: "--accent", values: points.map((point) => point.depth), isFilled: true }],
    [points],
  );
  const waits = useMemo(
    () => [{ title: "Oldest wait", color: "--retrying", values: points.map(({ waitMs }) => waitMs), isFilled: true }],
    [points],
  );
  const shared = { times, onBrush: brushRange };
  return (
    <>
      <Panel title="Waiting jobs" aside={range.text}>
        <div class="panel-body">
          <Chart {...shared} label={`Waiting jobs, ${range.text}`} lines={depth} format={shortCount} leastTop={4} />
          <ChartTable title="Waiting jobs as a table" steps={points} heads={["Waiting"]}>
            {(point) => [point.depth === null ? "–" : countText(point.depth)]}
          </ChartTable>
        </div>
      </Panel>
      <Panel title="Oldest wait" aside={range.text}>
        <div class="panel-body">
          <Chart
            {...shared}
            label={`Oldest wait, ${range.text}`}
            lines={waits}
            format={durationText}
            leastTop={1_000}
          />
          <ChartTable title="Oldest wait as a table" steps={points} heads={["Oldest wait"]}>
            {({ waitMs }) => [durationText(waitMs)]}
          </ChartTable>
        </div>
      </Panel>
    </>
  );
}

interface EndedProps {
  readonly range: ShownRange;
  /** Undefined before the first answer. */
  readonly series: Series | undefined;
  /** Epoch ms. */
  readonly readAt: number;
}

function EndedCharts({ range, series, readAt }: EndedProps): JSX.Element {
  const steps = useMemo(() => (series ? stepsSoFar(series, readAt) : []), [series, readAt]);
  const { times, rates, pickup } = useMemo(() => pointsOf(steps, series?.step ?? "minute", readAt), [steps]);
  const throughput = useMemo(
    () => [
      { title: "Completed", color: "--completed", values: rates.completed, isFilled: true },
      { title: "Failed", color: "--failed", values: rates.failed },
      { title: "Cancelled", color: "--cancelled", values: rates.cancelled, dash: [4, 3] },
    ],
    [rates],
  );
  const latencies = useMemo(
    () => [
      { title: "Wait p95", color: "--retrying", values: pickup.p95 },
      { title: "Run p95", color: "--accent", values: steps.map(({ run_ms: ms }) => ms?.p95 ?? null), dash: [4, 3] },
    ],
    [pickup],
  );
  const shared = { times, onBrush: brushRange };
  return (
    <>
      <Panel title="Jobs per minute" aside={range.text}>
        <div class="panel-body">
          <Chart {...shared} label={`Jobs per minute by outcome, ${range.text}`} lines={throughput} format={rateText} />
          <ChartTable title="Jobs per minute as a table" steps={steps} heads={["Completed", "Failed", "Cancelled"]}>
            {({ completed, failed, cancelled }) => [completed, failed, cancelled].map(countText)}
          </ChartTable>
        </div>
      </Panel>
      <Panel title="Wait and run" aside={range.text}>
        <div class="panel-body">
          <Chart
            {...shared}
            label={`Wait and run, ${range.text}`}
            lines={latencies}
            format={durationText}
            leastTop={10}
          />
          <ChartTable title="Wait and run as a table" steps={steps} heads={["Wait p95", "Run p95"]}>
            {({ pickup_ms: wait, run_ms: run }) => [wait?.p95, run?.p95].map(durationText)}
          </ChartTable>
        </div>
      </Panel>
    </>
  );
}
