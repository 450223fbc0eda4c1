import { expect, it } from "vitest";
import type { FlowNode } from "../client/contract.ts";
import { countsText, treeOf } from "./flow-text.ts";

const node = (...after: string[]): FlowNode => ({
  ...{ type: "noop", when: "succeeded", after, status: "waiting", job_id: null, counts: null, cause: null },
});
const linesOf = (nodes: Record<string, FlowNode>): string[] => treeOf(nodes).map(({ branch, name }) => branch + name);

it("draws each node below the last one that it waits for", () => {
  expect(
    linesOf({ a: node(), b: node("a"), c: node("a"), d: node("b", "c"), e: node("b"), f: node(), g: node("f") }),
  ).toEqual(["a", "├─ b", "│  └─ e", "└─ c", "   └─ d", "f", "└─ g"]);
});

it("draws the node that collects the results of a batch below it", () => {
  expect(linesOf({ jobs: node(), "jobs:results": { ...node(), results_of: "jobs" } })).toEqual([
    "jobs",
    "└─ jobs:results",
  ]);
});

it("draws a chain of 1,000 nodes in lines that stay short", () => {
  const names = Array.from({ length: 1_000 }, (_, n) => `n${n}`);
  const lines = linesOf(Object.fromEntries(names.map((name, n) => [name, n === 0 ? node() : node(`n${n - 1}`)])));
  expect(lines.map((line) => line.replace(/^\W+/, ""))).toEqual(names);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(50);
});

it("names the counts that are not 0", () => {
  const counts = { waiting: 0, unfinished: 3, completed: 0, failed: 1, cancelled: 0 };
  expect(countsText(counts)).toBe("3 unfinished, 1 failed");
  expect(countsText({ ...counts, unfinished: 0, failed: 0 })).toBe("no jobs");
});
