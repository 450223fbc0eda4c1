import { describe, expect, it } from "vitest";
import type { TypeTotals } from "./type-shares.ts";
import { byFailures, byTimeSpent, percentText } from "./type-shares.ts";

const totals = (type: string, more: Partial<TypeTotals>): TypeTotals => ({
  type,
  completed: 0,
  failed: 0,
  cancelled: 0,
  retries: 0,
  run_total_ms: 0,
  pickup_ms: null,
  run_ms: null,
  ...more,
});

describe("the types at the top", () => {
  const types = [
    totals("idle", {}),
    totals("quick", { completed: 900, run_total_ms: 10 }),
    totals("slow", { completed: 2, failed: 1, run_total_ms: 5_000 }),
    totals("broken", { failed: 7, run_total_ms: 10 }),
  ];

  it("are those with the most run time that finished any job", () => {
    expect(byTimeSpent(types).map(({ type }) => type)).toEqual(["slow", "broken", "quick"]);
  });

  it("are those with the most failures", () => {
    expect(byFailures(types).map(({ type }) => type)).toEqual(["broken", "slow"]);
  });

  it("are five at most", () => {
    const many = Array.from({ length: 20 }, (_, index) => totals(`t${index}`, { failed: index, run_total_ms: index }));
    expect(byTimeSpent(many).map(({ type }) => type)).toEqual(["t19", "t18", "t17", "t16", "t15"]);
    expect(byFailures(many)).toHaveLength(5);
  });
});

it.each([
  [0, 0, "0 %"],
  [0, 9, "0 %"],
  [1, 100_000, "< 0.1 %"],
  [1, 24, "4.2 %"],
  [99_999, 100_000, "> 99.9 %"],
  [9, 9, "100 %"],
])("%s of %s is %s", (part, whole, text) => {
  expect(percentText(part, whole)).toBe(text);
});
