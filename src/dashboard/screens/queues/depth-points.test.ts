import { describe, expect, it } from "vitest";
import { depthPoints } from "./depth-points.ts";

const STEP_MS = 60_000;
const START = Date.parse("2026-03-01T12:00:00.000Z");
const at = (minute: number): string => new Date(START + minute * STEP_MS).toISOString();
const sample = (minute: number, depth: number) => ({
  at: at(minute),
  depth,
  oldest_wait_ms: depth === 0 ? null : depth * 10,
  running: 1,
});
const points = (...samples: ReturnType<typeof sample>[]) =>
  depthPoints({ step_ms: STEP_MS, samples }, START, START + 10 * STEP_MS).map(({ at: time, depth, waitMs }) => [
    (Date.parse(time) - START) / STEP_MS,
    depth,
    waitMs,
  ]);

describe("depthPoints", () => {
  it("draws a queue without samples as empty", () => {
    expect(points()).toEqual([
      [0, 0, 0],
      [9, 0, 0],
    ]);
  });

  it("draws it as empty before the first sample and after one of depth 0", () => {
    expect(points(sample(3, 5), sample(4, 0), sample(8, 2))).toEqual([
      [0, 0, 0],
      [2, 0, 0],
      [3, 5, 50],
      [4, 0, 0],
      [5, 0, 0],
      [7, 0, 0],
      [8, 2, 20],
    ]);
  });

  it("draws nothing where samples of waiting jobs are missing", () => {
    expect(points(sample(0, 1), sample(1, 3), sample(4, 2), sample(5, 0))).toEqual([
      [0, 1, 10],
      [1, 3, 30],
      [2, null, null],
      [4, 2, 20],
      [5, 0, 0],
      [6, 0, 0],
      [9, 0, 0],
    ]);
  });

  it("has each time once, in order", () => {
    const times = points(sample(0, 0), sample(1, 0), sample(2, 4), sample(3, 0)).map(([time]) => time);
    expect(times).toEqual([...new Set(times)].sort((a, b) => Number(a) - Number(b)));
  });
});
