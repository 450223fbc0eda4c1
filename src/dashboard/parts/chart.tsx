/** A chart over time. The library that draws it is loaded with the first chart. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Options, default as UPlot } from "uplot";
import { isDark } from "../app/theme.ts";
import { axisTexts } from "./axis-texts.ts";
import { clockText, dayText, zone } from "./time.tsx";

interface Line {
  readonly title: string;
  /** A CSS variable, such as `--failed`. */
  readonly color: string;
  /** As many as there are times; null for a gap. */
  readonly values: readonly (number | null)[];
  /** Fills the area below the line. */
  readonly isFilled?: boolean;
  readonly dash?: readonly number[];
}

export interface Marker {
  readonly at: number;
  readonly text: string;
}

interface ChartProps {
  /** Read out by screen readers; a table with the numbers should be near. */
  readonly label: string;
  /** Epoch ms, ascending. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly markers?: readonly Marker[];
  /** The top of the scale for small values. Default: 1. */
  readonly leastTop?: number;
  /** Called with the range that a user has brushed, epoch ms. */
  readonly onBrush?: (from: number, to: number) => void;
}

const HEIGHT = 180;
const DAY_S = 86_400;
/** The distances of the marks of the scale: without 2.5, which short texts would round. */
const DISTANCES = Array.from({ length: 17 }, (_, index) => [1, 2, 5].map((digit) => digit * 10 ** (index - 4))).flat();

export function Chart(props: ChartProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const shape = JSON.stringify([props.lines.map(({ title, color }) => [title, color]), isDark(), zone.value]);
  useEffect(() => {
    let isOver = false;
    const observer = new ResizeObserver(() => resize(host.current, plot.current));
    import("./uplot.ts").then(
      ({ draw }) => {
        if (isOver || !host.current) return;
        plot.current = draw(host.current, optionsOf(latest, host.current), dataOf(latest.current));
        observer.observe(host.current);
      },
      () => {
        // the library could not be loaded, or does not accept the language of the browser
        if (host.current)
          host.current.textContent = "The chart cannot be drawn in this browser. The table has its numbers.";
      },
    );
    return () => {
      isOver = true;
      observer.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape]);
  useEffect(() => {
    plot.current?.setData(dataOf(props));
  }, [props.times, props.lines, props.markers]);
  return (
    <figure class="chart">
      <div ref={host} class="chart-host" role="img" aria-label={props.label} />
      <figcaption class="legend">
        {props.lines.map(({ title, color, dash }) => (
          <span key={title} class={dash ? "key dashed" : "key"} style={{ "--key": `var(${color})` }}>
            {title}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

type Data = Parameters<UPlot["setData"]>[0];

function dataOf({ times, lines }: ChartProps): Data {
  return [times.map((ms) => ms / 1_000), ...lines.map(({ values }) => [...values])];
}

function resize(host: HTMLElement | null, plot: UPlot | undefined): void {
  if (host && plot && host.clientWidth > 0) plot.setSize({ width: host.clientWidth, height: HEIGHT });
}

function optionsOf(latest: { readonly current: ChartProps }, host: HTMLElement): Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const axis = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
  const font = `11px ${color("--font")}`;
  return {
    width: host.clientWidth,
    height: HEIGHT,
    padding: [8, 20, 0, 0], // the last time has its place
    legend: { show: false },
    ms: 1e-3,
    tzDate: (seconds) => {
      const date = new Date(seconds * 1_000);
      // uPlot reads the local fields of the date
      return zone.value === "utc" ? new Date(date.getTime() + date.getTimezoneOffset() * 60_000) : date;
    },
    cursor: { drag: { x: latest.current.onBrush !== undefined, y: false, setScale: false }, points: { size: 6 } },
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(latest.current.leastTop ?? 1, most * 1.1)] } },
    axes: [
      {
        ...axis,
        font,
        size: 28,
        grid: { show: false },
        values: (_plot, seconds, _axis, _space, step) => timeTexts(seconds, step),
      },
      {
        ...axis,
        font,
        size: 56,
        incrs: DISTANCES,
        values: (_plot, values) => axisTexts(values, latest.current.format),
      },
    ],
    series: [{}, ...latest.current.lines.map((line) => seriesOf(line, color(line.color)))],
    hooks: {
      draw: [(plot) => drawMarkers(plot, latest.current.markers ?? [], color("--muted"), font)],
      setCursor: [(plot) => showTooltip(plot, latest.current, host)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 4) return;
          const at = (x: number): number => Math.round(plot.posToVal(x, "x") * 1_000);
          latest.current.onBrush?.(at(left), at(left + width));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

function seriesOf({ title, isFilled = false, dash }: Line, stroke: string): Options["series"][number] {
  return {
    label: title,
    stroke,
    width: 1.5,
    // a value between two gaps has no line
    points: { show: false, size: 5, fill: stroke, filter: (plot: UPlot, at: number) => alone(plot.data[at] ?? []) },
    ...(isFilled && { fill: `${stroke}22` }),
    ...(dash && { dash: [...dash] }),
  };
}

/** The texts of the time axis: the time of day, and the date where it changes; for steps of days, dates alone. */
function timeTexts(seconds: readonly number[], stepSeconds: number): string[] {
  return seconds.map((second, index) => {
    const day = dayText(second * 1_000).slice(5);
    if (stepSeconds >= DAY_S) return day;
    const clock = clockText(second * 1_000).slice(0, 5);
    const before = index === 0 ? undefined : dayText((seconds[index - 1] ?? 0) * 1_000).slice(5);
    return before === undefined || before === day ? clock : `${clock}\n${day}`;
  });
}

/** The indexes of values without neighbours. */
function alone(values: ArrayLike<number | null | undefined>): number[] {
  const isValue = (at: number): boolean => values[at] !== null && values[at] !== undefined;
  return Array.from(values, (_, at) => at).filter((at) => isValue(at) && !isValue(at - 1) && !isValue(at + 1));
}

function drawMarkers(plot: UPlot, markers: readonly Marker[], stroke: string, font: string): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.fillStyle = stroke;
  ctx.font = font.replace("11px", `${11 * ratio}px`);
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  for (const { at, text } of markers) {
    const x = plot.valToPos(at / 1_000, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.textAlign = x > bbox.left + bbox.width * 0.8 ? "right" : "left";
    ctx.fillText(text, x + (ctx.textAlign === "right" ? -4 : 4) * ratio, bbox.top + 12 * ratio);
  }
  ctx.restore();
}

/** The values under the pointer. It is over the chart, so nothing moves. */
function showTooltip(plot: UPlot, { lines, format }: ChartProps, host: HTMLElement): void {
  let tooltip = host.querySelector<HTMLElement>(".chart-tooltip");
  const at = plot.cursor.idx;
  if (at === null || at === undefined || (plot.cursor.left ?? -1) < 0) {
    tooltip?.remove();
    return;
  }
  if (!tooltip) {
    tooltip = document.createElement("div");
    tooltip.className = "chart-tooltip";
    host.append(tooltip);
  }
  const time = (plot.data[0][at] ?? 0) * 1_000;
  const text = `${dayText(time)} ${clockText(time).slice(0, 5)}`;
  const values = lines.map(({ title, values: all }) => {
    const value = all[at];
    return `${title}: ${value === null || value === undefined ? "–" : format(value)}`;
  });
  tooltip.textContent = [text, ...values].join("\n");
  const left = plot.cursor.left ?? 0;
  tooltip.style.setProperty("left", `${Math.min(left + 70, host.clientWidth - tooltip.offsetWidth - 8)}px`);
}
