import { expect, it } from "vitest";
import type { Flow, FlowNode } from "../../../client/taskflow.ts";
import { changesBetween } from "./flow-changes.ts";

const NONE = { waiting: 0, unfinished: 0, completed: 0, failed: 0, cancelled: 0 };
const node = (status: FlowNode["status"], counts: FlowNode["counts"] = null) => ({ status, counts }) as FlowNode;
const flow = (jobs: Flow["jobs"], fields: Partial<Flow> = {}) =>
  ({ status: "running", cancel_requested: false, ...fields, jobs }) as Flow;

it("has what has changed, in the order of the nodes, with numbers", () => {
  const before = flow({ a: node("running"), b: node("running", { ...NONE, unfinished: 3 }), c: node("waiting") });
  const after = flow(
    { a: node("failed"), b: node("running", { ...NONE, unfinished: 1, completed: 2 }), c: node("waiting") },
    { status: "failed", cancel_requested: true },
  );
  expect(changesBetween(before, after, 5, 7)).toEqual([
    { number: 7, at: 5, node: "a", text: "failed, was running" },
    { number: 8, at: 5, node: "b", text: "2 completed, 1 unfinished" },
    { number: 9, at: 5, node: null, text: "cancellation requested" },
    { number: 10, at: 5, node: null, text: "failed, was running" },
  ]);
  expect(changesBetween(after, after, 6, 11)).toEqual([]);
});
