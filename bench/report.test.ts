import { describe, expect, it } from "vitest";
import { markdownTable } from "../src/cli/text-table.ts";
import type { Goal, Report } from "./report.ts";
import { isMet, numberText, reportText } from "./report.ts";

const goal = (value: number, limit: Goal["limit"]): Goal => ({ text: "a goal", value, limit, unit: "" });

const REPORT: Report = {
  machine: "a machine",
  generator: "wrk",
  baselineSha256: "abc",
  rounds: 3,
  isQuick: false,
  figures: [],
};

describe("report", () => {
  it.each([
    [1, { least: 1 }, true],
    [0.99, { least: 1 }, false],
    [3, { most: 3 }, true],
    [3.01, { most: 3 }, false],
    [NaN, { least: 1 }, false],
    [NaN, { most: 1 }, false],
  ])("%d against %j is met: %s", (value, limit, met) => expect(isMet(goal(value, limit))).toBe(met));

  it.each([
    [12_345.6, "12,346"],
    [12.345, "12.3"],
    [0.012345, "0.0123"],
    [0, "0"],
    [NaN, "-"],
  ])("writes %d as %s", (value, text) => expect(numberText(value)).toBe(text));

  it("aligns the columns of a table", () => {
    expect(
      markdownTable([
        ["a", "wide"],
        ["long", "b"],
      ]),
    ).toBe("| a    | wide |\n|------|------|\n| long | b    |");
  });

  it("prints absolute medians beside the median ratio, and each goal's verdict", () => {
    const readings = [
      { name: "baseline", unit: "jobs/s", values: [100, 300, 200], ratios: { of: "TaskFlow", values: [1.5, 1, 2] } },
    ];
    const goals = [goal(1.5, { least: 1 }), goal(20, { most: 10 }), goal(NaN, { least: 1 })];
    const text = reportText({
      ...REPORT,
      figures: [{ figure: "end-to-end", title: "", readings, goals, notes: ["a note"] }],
    });
    expect(text).toMatch(/\| end-to-end \| baseline \| 200 +\| jobs\/s \| 100 to 300 \| TaskFlow: 1\.50 × \|/);
    expect(text).toMatch(/≥ 1 +\| 1\.5 +\| met/);
    expect(text).toMatch(/≤ 10 +\| 20 +\| MISSED/);
    expect(text).toMatch(/\| - +\| not measured/);
    expect(text).toContain("end-to-end: a note");
    expect(text).toContain("baseline.mjs SHA-256 abc");
  });

  it("gives the reason for a missing figure, and warns about a quick run", () => {
    const text = reportText({
      ...REPORT,
      isQuick: true,
      figures: [{ figure: "idle", title: "", readings: [], goals: [], notes: [], failure: "no Redis" }],
    });
    expect(text).toContain("idle: FAILED: no Redis");
    expect(text).toContain("quick: too short to judge by");
  });
});
