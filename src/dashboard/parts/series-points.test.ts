import { describe, expect, it } from "vitest";
import type { SeriesStep } from "./series-points.ts";
import { pointsOf, rateOfLastMinute, rateText, stepsSoFar } from "./series-points.ts";

const step = (at: string, more: Partial<SeriesStep> = {}): SeriesStep => ({
  at,
  completed: 0,
  failed: 0,
  cancelled: 0,
  retries: 0,
  run_total_ms: 0,
  pickup_ms: null,
  run_ms: null,
  ...more,
});
const NOW = Date.parse("2026-03-10T12:15:15Z");

describe("the steps so far", () => {
  const times = (of: "minute" | "hour", ...at: string[]) =>
    stepsSoFar({ step: of, series: at.map((each) => step(each)) }, NOW).map((each) => each.at);

  it("end with the last complete minute, or with the current hour", () => {
    expect(times("minute", "2026-03-10T12:14:00Z", "2026-03-10T12:15:00Z", "2026-03-10T12:16:00Z")).toEqual([
      "2026-03-10T12:14:00Z",
    ]);
    expect(times("hour", "2026-03-10T11:00:00Z", "2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z")).toEqual([
      "2026-03-10T11:00:00Z",
      "2026-03-10T12:00:00Z",
    ]);
  });
});

describe("the points of a chart", () => {
  it("are rates per minute, of the current hour by its elapsed minutes", () => {
    const steps = [step("2026-03-10T11:00:00Z", { completed: 120 }), step("2026-03-10T12:00:00Z", { completed: 61 })];
    expect(pointsOf(steps, "hour", NOW).rates.completed).toEqual([2, 4]);
  });

  it("do not exaggerate the first seconds of an hour", () => {
    const steps = [step("2026-03-10T12:00:00Z", { failed: 5 })];
    expect(pointsOf(steps, "hour", Date.parse("2026-03-10T12:00:01Z")).rates.failed).toEqual([5]);
  });

  it("have gaps where no job started", () => {
    const pickup = { p50: 3, p95: 40, p99: 90 };
    const steps = [step("2026-03-10T12:00:00Z"), step("2026-03-10T12:01:00Z", { pickup_ms: pickup })];
    expect(pointsOf(steps, "minute", NOW)).toMatchObject({
      times: [Date.parse("2026-03-10T12:00:00Z"), Date.parse("2026-03-10T12:01:00Z")],
      pickup: { p50: [null, 3], p95: [null, 40] },
    });
  });
});

it("the rate of the last minute has its share of the minute before", () => {
  const series = [
    step("2026-03-10T12:13:00Z", { completed: 1_000 }),
    step("2026-03-10T12:14:00Z", { completed: 40 }),
    step("2026-03-10T12:15:00Z", { completed: 7, failed: 2 }),
  ];
  expect(rateOfLastMinute(series, "completed", NOW)).toBe(7 + 40 * 0.75);
  expect(rateOfLastMinute(series, "failed", NOW)).toBe(2);
  expect(rateOfLastMinute([], "failed", NOW)).toBe(0);
});

it.each([
  [0, "0"],
  [1 / 60, "0.017"],
  [2.54, "2.5"],
  [9.99, "10"],
  [840.4, "840"],
  [12_340, "12.3k"],
])("the rate %s reads %s", (rate, text) => {
  expect(rateText(rate)).toBe(text);
});
