import { describe, expect, it } from "vitest";
import type { NamedNode } from "./flow-nodes.ts";
import { obstacleOf, obstacleText } from "./obstacle.ts";

function node(name: string, status: NamedNode["status"], fields: Partial<NamedNode> = {}): NamedNode {
  return {
    ...{ name, status, type: "noop", when: "succeeded" as const, after: [], job_id: `id of ${name}` },
    ...{ counts: null, cause: null, ...fields },
  };
}
const batch = {
  type: null,
  job_id: null,
  counts: { waiting: 0, unfinished: 1, completed: 0, failed: 1, cancelled: 0 },
};

describe("the obstacle of a flow", () => {
  it("is the node under way that most others wait for, also behind others", () => {
    const nodes = [
      node("quick", "running"),
      node("slow", "running"),
      node("next", "waiting", { after: ["slow"] }),
      node("last", "waiting", { after: ["next", "quick"] }),
    ];
    expect(obstacleOf(nodes)).toEqual({ kind: "holds", at: 1, count: 2 });
  });

  it("is no node that others do not wait for any more", () => {
    expect(obstacleOf([node("a", "running"), node("b", "running")])).toBeUndefined();
    expect(obstacleOf([node("a", "completed"), node("b", "completed", { after: ["a"] })])).toBeUndefined();
    expect(obstacleOf([])).toBeUndefined();
  });

  it("is the failed node because of which most did not run", () => {
    const nodes = [
      node("ok", "completed"),
      node("bad", "failed"),
      node("c", "cancelled", { after: ["bad"], cause: "id of bad" }),
      node("d", "cancelled", { after: ["c"], cause: "id of bad" }),
      node("skipped", "skipped", { after: ["ok"] }),
    ];
    expect(obstacleOf(nodes)).toEqual({ kind: "stopped", at: 1, count: 2 });
  });

  it("is a batch, whose cause is its first failed job", () => {
    const nodes = [
      node("thumbs", "failed", { ...batch, cause: "first" }),
      node("mail", "cancelled", { after: ["thumbs"], cause: "first" }),
    ];
    expect(obstacleOf(nodes)).toEqual({ kind: "stopped", at: 0, count: 1 });
  });

  it("is no job that was cancelled by itself", () => {
    expect(obstacleOf([node("a", "cancelled", { cause: "id of a" })])).toBeUndefined();
  });

  it("is described", () => {
    expect(obstacleText({ kind: "holds", at: 0, count: 1 })).toBe("holds up 1 node");
    expect(obstacleText({ kind: "stopped", at: 0, count: 1_200 })).toBe("is why 1,200 nodes did not run");
  });
});
