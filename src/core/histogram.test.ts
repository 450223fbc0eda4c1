import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucketOf, count, percentilesOf } from "./histogram.ts";
import { DAY_MS } from "./time.ts";

const histogramOf = (values: readonly number[]): number[] => {
  const histogram: number[] = [];
  for (const value of values) count(histogram, value);
  return histogram;
};

/** The value of this rank among the sorted values. */
const exact = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1] ?? Number.NaN;

/** As many short durations as long ones. */
const duration = fc.double({ min: 0, max: Math.log(DAY_MS), noNaN: true }).map((log) => Math.floor(Math.exp(log)) - 1);

describe("a histogram", () => {
  it("gives percentiles within 5 % of the exact ones, from 1 ms to a day", () => {
    fc.assert(
      fc.property(fc.array(duration, { minLength: 1, maxLength: 200 }), (values) => {
        const percentiles = percentilesOf(histogramOf(values));
        for (const [name, share] of [["p50", 0.5] as const, ["p95", 0.95] as const, ["p99", 0.99] as const]) {
          const value = exact(values, share);
          expect(Math.abs((percentiles?.[name] ?? Number.NaN) - value)).toBeLessThanOrEqual(0.05 * value);
        }
      }),
    );
  });

  it("keeps that limit for each duration alone, at the edge of each bucket too", () => {
    for (let value = 0; value <= DAY_MS; value = value < 10_000 ? value + 1 : Math.ceil(value * 1.001)) {
      const estimate = percentilesOf(histogramOf([value]))?.p50 ?? Number.NaN;
      expect(Math.abs(estimate - value) <= 0.05 * value, `${value} is estimated as ${estimate}`).toBe(true);
    }
  });

  it("is exact below 10 ms, and takes a negative duration for 0", () => {
    for (let value = 0; value < 10; value += 1) expect(percentilesOf(histogramOf([value]))?.p99).toBe(value);
    expect(histogramOf([-5])).toEqual([1]);
  });

  it("needs few buckets for a day, and some more for any duration", () => {
    expect(bucketOf(DAY_MS)).toBeLessThan(210);
    expect(bucketOf(Number.MAX_SAFE_INTEGER)).toBeLessThan(500);
  });

  it("has no percentiles without durations", () => {
    expect(percentilesOf([])).toBeNull();
    expect(percentilesOf([0, 0])).toBeNull();
  });
});
