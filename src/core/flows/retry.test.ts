import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FLOW_ID, flowGraphs, graphOf, jobId, stateWith, type TestNode } from "../../testing/flow-graphs.ts";
import { at } from "../at.ts";
import { idAfter, idsFrom } from "../id.ts";
import { begin, endJobs } from "./evaluate.ts";
import type { FlowGraph, FlowState, NodeOutcome } from "./flow.ts";
import { newState } from "./graph.ts";
import { rangesOf } from "./id-ranges.ts";
import { idsToRetry, nodesToRetry, retried } from "./retry.ts";

const NEW_ID = "01969000-0000-7000-8000-000000000000";
const OTHER_ID = "01969001-0000-7000-8000-000000000000";

/** An ended flow. @param outcomes of its nodes; of a batch, how many jobs completed, failed and were cancelled */
function ended(
  nodes: Readonly<Record<string, TestNode>>,
  outcomes: readonly (NodeOutcome | readonly [outcome: NodeOutcome, ...counts: number[]])[],
  options: Partial<FlowGraph> = {},
): FlowState {
  const state = stateWith(nodes, options);
  const endedNodes = state.nodes.map((node, index) => {
    const given = at(outcomes, index);
    const [outcome, ...counts] = typeof given === "string" ? [given] : given;
    const single = [outcome === "completed", outcome === "failed", outcome === "cancelled" || outcome === "skipped"];
    const [completed = 0, failed = 0, cancelled = 0] = counts.length > 0 ? counts : single.map(Number);
    return { ...node, counts: { ...node.counts, completed, failed, cancelled }, outcome, isStarted: true };
  });
  return { ...state, nodes: endedNodes, status: "failed", isCancelRequested: true, finishedAt: 5, stoppedBy: jobId(1) };
}

function again(state: FlowState, from?: readonly string[]): string[] {
  const found = nodesToRetry(state, from);
  if ("unknown" in found) return found.unknown.map((name) => `unknown ${name}`);
  return found.nodes.map(({ node, jobs }) => `${at(state.graph.nodes, node).name} ${jobs}`);
}

describe("nodesToRetry", () => {
  const nodes = {
    a: {},
    b: { after: ["a"] },
    c: { after: ["b"] },
    tidy: { after: ["c"], when: "ended" },
    undo: { after: ["a"], when: "failed" },
  } as const;
  const state = ended(nodes, ["completed", "failed", "cancelled", "completed", "skipped"]);

  it("finds what failed or was cancelled, and all that comes after it", () => {
    expect(again(state)).toEqual(["b all", "c all", "tidy all"]);
  });

  it("with names finds these nodes, and all that comes after them", () => {
    expect(again(state, ["tidy"])).toEqual(["tidy all"]);
    expect(again(state, ["a", "c", "a"])).toEqual(["a all", "b all", "c all", "tidy all", "undo all"]);
    expect(again(state, ["x", "a", "constructor"])).toEqual(["unknown x", "unknown constructor"]);
  });

  it("finds nothing in a flow that has completed, with nodes that were not needed", () => {
    expect(again(ended({ a: {}, b: { after: ["a"], when: "failed" } }, ["completed", "skipped"]))).toEqual([]);
  });

  it("finds of a batch only the jobs that failed or were cancelled, unless its input may change", () => {
    const two = { a: {}, all: { jobs: 3, after: ["a"], when: "ended" }, next: { waitsFor: ["all"] } } as const;
    expect(again(ended(two, ["completed", ["failed", 1, 1, 1], "completed"]))).toEqual(["all unfinished", "next all"]);
    expect(again(ended(two, ["completed", ["failed", 0, 1, 2], "completed"]))).toEqual(["all all", "next all"]);
    expect(again(ended(two, ["failed", ["failed", 1, 1, 1], "completed"]))).toEqual(["a all", "all all", "next all"]);
    const fine = ended(two, ["completed", ["completed", 2, 1, 0], "completed"]);
    expect([again(fine), again(fine, ["all"])]).toEqual([[], ["all unfinished", "next all"]]);
    expect(again(ended(two, ["completed", ["completed", 3], "completed"]), ["all"])).toEqual(["all all", "next all"]);
  });

  it("finds the failed jobs of a standalone batch that has completed with them", () => {
    const nodesOf = { jobs: { jobs: 2, maxFailures: 1 }, on_complete: { after: ["jobs"], when: "ended" } } as const;
    const batch = ended(nodesOf, [["completed", 1, 1], "completed"], { kind: "batch" });
    expect(again(batch)).toEqual(["jobs unfinished", "on_complete all"]);
  });

  it("finds the node that writes the results of a batch with the batch, and does not know its name", () => {
    const nodesOf = {
      all: { jobs: 1 },
      "all:results": { waitsFor: ["all"], resultsOf: "all", when: "ended" },
    } as const;
    const done = ended(nodesOf, [["completed", 1], "completed"]);
    expect(again(done, ["all"])).toEqual(["all all", "all:results all"]);
    expect(again(done, ["all:results"])).toEqual(["unknown all:results"]);
    expect(again(ended(nodesOf, [["completed", 1], "failed"]))).toEqual(["all:results all"]);
  });
});

describe("retried", () => {
  it("gives new ids to what runs again, and leaves the rest as it is", () => {
    const nodes = { a: {}, all: { jobs: 6, after: ["a"] }, c: { after: ["all"] } };
    const before = ended(nodes, ["completed", ["failed", 3, 2, 1], "cancelled"]);
    const unfinished = rangesOf([jobId(2), jobId(4), jobId(5)]);
    const again = idsToRetry(
      before,
      [
        { node: 1, jobs: "unfinished" },
        { node: 2, jobs: "all" },
      ],
      new Map([[1, unfinished]]),
    );
    expect([...again]).toEqual([
      [
        1,
        [
          { first: jobId(2), count: 1 },
          { first: jobId(4), count: 2 },
        ],
      ],
      [2, [{ first: jobId(8), count: 1 }]],
    ]);
    // the first two were prepared before the others
    const state = retried(before, again, [
      { first: NEW_ID, count: 2 },
      { first: OTHER_ID, count: 2 },
    ]);
    expect(state.graph.nodes.map(({ ids }) => ids)).toEqual([
      [{ first: jobId(1), count: 1 }],
      [
        { first: jobId(3), count: 1 },
        { first: jobId(6), count: 2 },
        { first: NEW_ID, count: 2 },
        { first: OTHER_ID, count: 1 },
      ],
      [{ first: idAfter(OTHER_ID, 1), count: 1 }],
    ]);
    expect(state).toEqual({
      id: FLOW_ID,
      graph: state.graph,
      nodes: [
        at(before.nodes, 0),
        { counts: { total: 6, completed: 3, failed: 0, cancelled: 0 }, isStarted: false, outcome: null, cause: null },
        { counts: { total: 1, completed: 0, failed: 0, cancelled: 0 }, isStarted: false, outcome: null, cause: null },
      ],
      status: "running",
      isOpen: false,
      closedBy: null,
      isCancelRequested: false,
      finishedAt: null,
    });
    const { start, doom } = begin(state);
    expect([start, doom]).toEqual([[1], []]);
    expect(endJobs(begin(state).state, 1, { completed: 3 }).start).toEqual([2]);
  });

  it("of a retried batch keeps the ids of all jobs that have completed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
        (parts) => {
          const ids = parts.map((part, nth) => ({ first: idAfter(FLOW_ID, 0x100 * (nth + 1)), count: part.length }));
          const graph = graphOf({ jobs: { jobs: 0 } }, { kind: "batch" });
          const nodes = [{ ...at(graph.nodes, 0), ids }];
          const all = ids.flatMap(({ first, count }) => idsFrom(first, count));
          const isFailed = parts.flat();
          const failed = all.filter((_, nth) => isFailed[nth]);
          const state = newState({ id: FLOW_ID, graph: { ...graph, nodes } });
          const next = retried(state, new Map([[0, rangesOf(failed)]]), [{ first: NEW_ID, count: failed.length }]);
          const kept = at(next.graph.nodes, 0).ids.flatMap(({ first, count }) => idsFrom(first, count));
          expect(kept).toEqual([...all.filter((_, nth) => !isFailed[nth]), ...idsFrom(NEW_ID, failed.length)]);
          expect(rangesOf(failed).flatMap(({ first, count }) => idsFrom(first, count))).toEqual(failed);
        },
      ),
    );
  });

  it("completes if all that runs again completes, whatever ended the flow before", () => {
    const ends = fc
      .infiniteStream(fc.constantFrom("completed", "failed", "cancelled"))
      .map((stream) => () => String(stream.next().value));
    fc.assert(
      fc.property(flowGraphs, ends, (graph, end) => {
        const first = runAll(begin(newState({ id: FLOW_ID, graph: { ...graph, closesAt: 1 } })).state, end);
        const found = nodesToRetry(first);
        if ("unknown" in found || found.nodes.length === 0) return;
        const unfinished = new Map(
          found.nodes.map(({ node }) => {
            const { completed } = at(first.nodes, node).counts;
            const ids = at(graph.nodes, node).ids.flatMap(({ first: id, count }) => idsFrom(id, count));
            return [node, rangesOf(ids.slice(completed))];
          }),
        );
        const state = retried(first, idsToRetry(first, found.nodes, unfinished), [{ first: NEW_ID, count: 10_000 }]);
        const last = runAll(begin(state).state, () => "completed");
        const outcomes = last.nodes.map(({ outcome }) => outcome);
        expect([last.status, outcomes.includes("failed"), outcomes.includes("cancelled")]).toEqual([
          "completed",
          false,
          false,
        ]);
        expect(nodesToRetry(last)).toEqual({ nodes: [] });
      }),
    );
  });
});

/** Ends all jobs of all nodes that have started, in order, and cancels those that can no longer run. */
function runAll(started: FlowState, end: () => string): FlowState {
  let state = started.isOpen ? { ...started, isOpen: false } : started;
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const [node, { counts, outcome, isStarted, doomed }] of state.nodes.entries()) {
      const left = counts.total - counts.completed - counts.failed - counts.cancelled;
      if (outcome !== null || left === 0 || !(isStarted || doomed !== undefined)) continue;
      state = endJobs(state, node, doomed ? { cancelled: left } : { [end()]: 1, cause: jobId(1) }).state;
      isChanged = true;
      break;
    }
  }
  return state;
}
