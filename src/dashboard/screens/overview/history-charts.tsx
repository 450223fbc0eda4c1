/** What finished in the range, by outcome, and how long jobs waited for their start. */
import type { ComponentChildren, JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Series } from "../../../client/taskflow.ts";
import type { Marker } from "../../parts/chart.tsx";
import { Chart } from "../../parts/chart.tsx";
import { countText, durationText } from "../../parts/format.ts";
import { Panel } from "../../parts/page.tsx";
import type { ShownRange } from "../../parts/range.tsx";
import { brushRange } from "../../parts/range.tsx";
import { clockText, dayText } from "../../parts/time.tsx";
import type { SeriesStep } from "./series-points.ts";
import { pointsOf, rateText, stepsSoFar } from "./series-points.ts";

interface HistoryProps {
  readonly range: ShownRange;
  /** Undefined before the first answer. */
  readonly series: Series | undefined;
  /** When it was read, epoch ms. */
  readonly readAt: number;
}

export function HistoryCharts({ range, series, readAt }: HistoryProps): JSX.Element {
  const steps = useMemo(() => (series ? stepsSoFar(series, readAt) : []), [series, readAt]);
  const points = useMemo(() => pointsOf(steps, series?.step ?? "minute", readAt), [steps]);
  const markers = useMemo(() => markersOf(series), [series]);
  const { times, rates, pickup } = points;
  const throughput = useMemo(
    () => [
      { title: "Completed", color: "--completed", values: rates.completed, isFilled: true },
      { title: "Failed", color: "--failed", values: rates.failed },
      { title: "Cancelled", color: "--cancelled", values: rates.cancelled, dash: [4, 3] },
    ],
    [points],
  );
  const waits = useMemo(
    () => [
      { title: "p50", color: "--accent", values: pickup.p50 },
      { title: "p95", color: "--retrying", values: pickup.p95, dash: [4, 3] },
    ],
    [points],
  );
  const shared = { times, markers, onBrush: brushRange };
  return (
    <div class="charts">
      <Panel title="Jobs per minute" aside={range.text}>
        <div class="panel-body">
          <Chart {...shared} label={`Jobs per minute by outcome, ${range.text}`} lines={throughput} format={rateText} />
          <Table
            title="Jobs per minute as a table"
            steps={steps}
            heads={["Completed", "Failed", "Cancelled", "Retries"]}
          >
            {({ completed, failed, cancelled, retries }) => [completed, failed, cancelled, retries].map(countText)}
          </Table>
        </div>
      </Panel>
      <Panel title="Wait until the start" aside={range.text}>
        <div class="panel-body">
          <Chart {...shared} label={`Wait until the start, ${range.text}`} lines={waits} format={durationText} />
          <Table title="Waits as a table" steps={steps} heads={["p50", "p95", "p99"]}>
            {({ pickup_ms: ms }) => [ms?.p50, ms?.p95, ms?.p99].map(durationText)}
          </Table>
          <Versions markers={markers} />
        </div>
      </Panel>
    </div>
  );
}

/** Where the version changed: the first one was in force before the range. */
function markersOf(series: Series | undefined): readonly Marker[] {
  if (!series) return [];
  const from = Date.parse(series.from);
  return series.versions
    .map(({ at, version }) => ({ at: Date.parse(at), text: version }))
    .filter(({ at }) => at > from);
}

/** The markers of the charts as text. */
function Versions({ markers }: { readonly markers: readonly Marker[] }): JSX.Element | null {
  if (markers.length === 0) return null;
  return (
    <p class="off-screen">
      Versions: {markers.map(({ at, text }) => `${text} since ${dayText(at)} ${clockText(at)}`).join(", ")}.
    </p>
  );
}

interface TableProps {
  readonly title: string;
  readonly steps: readonly SeriesStep[];
  readonly heads: readonly string[];
  readonly children: (step: SeriesStep) => readonly ComponentChildren[];
}

/** The numbers of a chart, the newest first. Its rows exist while it is open. */
function Table({ title, steps, heads, children }: TableProps): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="chart-table" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Show as a table</summary>
      {isOpen ? (
        <div class="table-scroll" tabIndex={0} role="region" aria-label={title}>
          <table>
            <caption class="off-screen">{title}</caption>
            <thead>
              <tr>
                {["Time", ...heads].map((head, index) => (
                  <th key={head} scope="col" class={index === 0 ? "" : "number"}>
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {steps.toReversed().map((step) => (
                <tr key={step.at}>
                  <th scope="row">
                    {dayText(Date.parse(step.at))} {clockText(Date.parse(step.at)).slice(0, 5)}
                  </th>
                  {children(step).map((cell, index) => (
                    <td key={heads[index]} class="number">
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </details>
  );
}
