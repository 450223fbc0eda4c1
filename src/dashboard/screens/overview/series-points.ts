/** A series as the charts and their tables show it. */
import type { Series } from "../../../client/taskflow.ts";
import { shortCount } from "../../parts/format.ts";
import type { Step } from "../../parts/range-times.ts";
import { STEP_MS } from "../../parts/range-times.ts";

export type SeriesStep = Series["series"][number];

export const OUTCOMES = ["completed", "failed", "cancelled"] as const;

export interface Points {
  /** Epoch ms. */
  readonly times: readonly number[];
  /** Jobs per minute. */
  readonly rates: Readonly<Record<(typeof OUTCOMES)[number], readonly number[]>>;
  readonly pickup: { readonly p50: readonly (number | null)[]; readonly p95: readonly (number | null)[] };
}

/**
 * The steps that have begun. The current minute is left out, because its count is still low and would look like a drop;
 * the current hour or day counts by its elapsed minutes.
 * @param now epoch ms
 */
export function stepsSoFar({ step, series }: Pick<Series, "step" | "series">, now: number): readonly SeriesStep[] {
  return series.filter(({ at }) => Date.parse(at) + (step === "minute" ? STEP_MS.minute : 0) <= now);
}

export function pointsOf(steps: readonly SeriesStep[], step: Step, now: number): Points {
  const times = steps.map(({ at }) => Date.parse(at));
  const minutes = times.map((at) => Math.max(1, Math.min(STEP_MS[step], now - at) / STEP_MS.minute));
  const rates = (outcome: (typeof OUTCOMES)[number]): number[] =>
    steps.map((each, index) => each[outcome] / (minutes[index] ?? 1));
  return {
    times,
    rates: { completed: rates("completed"), failed: rates("failed"), cancelled: rates("cancelled") },
    pickup: {
      p50: steps.map((each) => each.pickup_ms?.p50 ?? null),
      p95: steps.map((each) => each.pickup_ms?.p95 ?? null),
    },
  };
}

/**
 * Jobs per minute over the last 60 seconds; of the minute before the current one, only the share within them counts, as
 * in the server's `jobs_per_minute`.
 * @param series minutes, the current one last
 */
export function rateOfLastMinute(
  series: readonly SeriesStep[],
  outcome: (typeof OUTCOMES)[number],
  now: number,
): number {
  const minute = Math.floor(now / STEP_MS.minute) * STEP_MS.minute;
  const count = (at: number): number => series.find((each) => Date.parse(each.at) === at)?.[outcome] ?? 0;
  return count(minute) + count(minute - STEP_MS.minute) * (1 - (now - minute) / STEP_MS.minute);
}

/** `0`, `0.017`, `2.5`, `840`, `12.3k` */
export function rateText(rate: number): string {
  return rate > 0 && rate < 10 ? String(Number(rate.toPrecision(2))) : shortCount(Math.round(rate));
}
