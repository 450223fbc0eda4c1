import { describe, expect, it } from "vitest";
import { medianOf, quantileOf, ratiosOf } from "./median.ts";

describe("medians", () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    [[], NaN],
  ])("of %j is %d", (values, median) => expect(medianOf(values)).toBe(median));

  it("interpolates between the nearest values", () => {
    expect(quantileOf([10, 0], 0.25)).toBe(2.5);
    expect(quantileOf([1, 2, 3], 1)).toBe(3);
  });

  it("pairs values by round, and drops a round without values on one side", () => {
    expect(ratiosOf([10, 9, 8], [5, 3])).toEqual([2, 3]);
    expect(ratiosOf([10], [5, 3])).toEqual([2]);
  });
});
