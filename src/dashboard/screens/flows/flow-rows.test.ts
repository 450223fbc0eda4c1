import { describe, expect, it } from "vitest";
import type { FlowSummary } from "../../../client/taskflow.ts";
import { rowsAfter, withStates } from "./flow-rows.ts";

const flow = (id: string, status: FlowSummary["status"] = "running") => ({ id, status }) as FlowSummary;
const ids = (rows: readonly FlowSummary[]): string[] => rows.map(({ id, status }) => `${id} ${status}`);

describe("the rows of the list", () => {
  it("are the first answer", () => {
    expect(rowsAfter([], [flow("2"), flow("1")])).toEqual({ shown: [flow("2"), flow("1")], newer: 0, missing: [] });
  });

  it("stay in place while newer flows come, with their latest states", () => {
    const { shown, newer } = rowsAfter([flow("2"), flow("1")], [flow("4"), flow("3"), flow("2", "failed"), flow("1")]);
    expect(ids(shown)).toEqual(["2 failed", "1 running"]);
    expect(newer).toBe(2);
  });

  it("stay when they no longer match the filter, and get older ones behind them", () => {
    const { shown, missing } = rowsAfter([flow("3"), flow("2", "failed")], [flow("3"), flow("1")]);
    expect(ids(shown)).toEqual(["3 running", "2 failed", "1 running"]);
    expect(missing).toEqual([]);
    expect(rowsAfter([flow("3"), flow("2")], [flow("1")]).missing).toEqual(["3", "2"]);
  });

  it("get the states that were read one by one", () => {
    expect(ids(withStates([flow("2"), flow("1")], [flow("1", "completed"), flow("0")]))).toEqual([
      "2 running",
      "1 completed",
    ]);
  });
});
