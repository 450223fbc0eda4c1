import { describe, expect, it } from "vitest";
import { LatencyWindow, percentiles } from "./latency-window.ts";

/** Creates windows on one clock that the test moves. */
function setup() {
  let now = 1_000;
  return { open: () => new LatencyWindow(() => now), pass: (ms: number) => (now += ms) };
}

describe("latencies of the last five minutes", () => {
  it("gives percentiles within 5 %, from tenths of a millisecond to an hour", () => {
    const { open } = setup();
    for (const scale of [0.01, 1, 3_000]) {
      const window = open();
      for (let n = 1; n <= 1_000; n += 1) window.observe(n * scale);
      const seen = percentiles([window.counts()]);
      for (const [share, value] of [
        [500, seen?.p50],
        [950, seen?.p95],
        [990, seen?.p99],
      ] as const) {
        expect(Math.abs((value ?? 0) / (share * scale) - 1)).toBeLessThan(0.05);
      }
    }
  });

  it("adds up the counts of several replicas, also after JSON", () => {
    const { open } = setup();
    const [quick, slow, idle] = [open(), open(), open()];
    for (let n = 0; n < 90; n += 1) quick.observe(1);
    for (let n = 0; n < 10; n += 1) slow.observe(1_000);
    const counts = JSON.parse(JSON.stringify([quick.counts(), slow.counts(), idle.counts()])) as number[][];
    const seen = percentiles(counts);
    expect(seen?.p50).toBeCloseTo(1, 1);
    expect(seen?.p95).toBeGreaterThan(950);
    expect(counts[2]).toEqual([]);
  });

  it("is null without observations", () => {
    expect(percentiles([])).toBeNull();
    expect(percentiles([setup().open().counts()])).toBeNull();
  });

  it("drops observations older than five minutes, by slices", () => {
    const { open, pass } = setup();
    const window = open();
    window.observe(10);
    pass(60_000);
    window.observe(20);
    pass(239_000);
    expect(window.counts().reduce((a, b) => a + b)).toBe(2);
    pass(2_000);
    expect(window.counts().reduce((a, b) => a + b)).toBe(1);
    pass(86_400_000);
    expect(window.counts()).toEqual([]);
    window.observe(5);
    expect(percentiles([window.counts()])?.p50).toBeCloseTo(5, 0);
  });

  it("accepts negative values, NaN and Infinity", () => {
    const window = setup().open();
    for (const ms of [-5, Number.NaN, 0, Infinity, 1e12]) window.observe(ms);
    expect(window.counts().reduce((a, b) => a + b)).toBe(5);
  });
});
