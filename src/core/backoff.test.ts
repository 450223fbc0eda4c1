import { describe, expect, it } from "vitest";
import { delayAfter, exponential, fixed } from "./backoff.ts";

describe("delayAfter", () => {
  it.each([
    [1, 0, 100],
    [1, 0.999, 999],
    [2, 0.5, 1_100],
    [4, 0.999, 7_993],
    [30, 0.999, 599_460],
    [5_000, 0, 60_000],
  ])(
    "after attempt %i with random %d is %i ms: it doubles, within jitter and the bound",
    (attempt, random, expected) => {
      expect(delayAfter(attempt, exponential(1_000, 600_000), random)).toBe(expected);
    },
  );

  it("stays the same for a fixed backoff", () => {
    expect([1, 2, 9].map((attempt) => delayAfter(attempt, fixed(5_000), 0.3))).toEqual([5_000, 5_000, 5_000]);
  });
});
