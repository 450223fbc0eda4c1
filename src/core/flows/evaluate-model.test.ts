import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FLOW_ID, flowGraphs, jobId } from "../../testing/flow-graphs.ts";
import { at } from "../at.ts";
import { begin, type Cascade, close, type EndedJobs, endJobs, requestCancel, stateOf } from "./evaluate.ts";
import type { FlowState } from "./flow.ts";
import { dependencyOrder, newState, unfinishedOf } from "./graph.ts";

/** Ends jobs in a random order until nothing is left to end. @param next random numbers */
function finish(state: FlowState, next: () => number) {
  const started: number[] = [];
  const finished: number[] = [];
  let now = state;
  const take = (cascade: Cascade): void => {
    for (const node of cascade.start) {
      const { after, waitsFor, when } = at(now.graph.nodes, node);
      const first = when === "first_failure" ? waitsFor : [...after, ...waitsFor];
      for (const earlier of first) expect(at(cascade.state.nodes, earlier).outcome).not.toBe(null);
      started.push(node);
    }
    cascade.state.nodes.forEach(({ outcome }, node) => {
      if (outcome !== null && at(now.nodes, node).outcome === null) finished.push(node);
      if (at(now.nodes, node).outcome !== null) expect(outcome).toBe(at(now.nodes, node).outcome);
    });
    now = cascade.state;
  };
  take(begin(now));
  for (;;) {
    const able = [...now.nodes.keys()].filter((node) => {
      const { outcome, isStarted, doomed, counts } = at(now.nodes, node);
      return outcome === null && (isStarted || doomed !== undefined) && unfinishedOf(counts) > 0;
    });
    if (able.length === 0 && !now.isOpen) break;
    const node = able[next() % Math.max(1, able.length)];
    if (node === undefined || (now.isOpen && next() % 4 === 0)) {
      take(close(now, "caller"));
      continue;
    }
    const isDoomed = at(now.nodes, node).doomed !== undefined;
    const end = isDoomed ? "cancelled" : at(["completed", "completed", "failed", "cancelled"] as const, next() % 4);
    take(endJobs(now, node, { [end]: 1, cause: jobId(1 + node) }));
    if (next() % 12 === 0) take(requestCancel(now));
  }
  return { state: now, started, finished };
}

const randomNumbers = fc.infiniteStream(fc.nat({ max: 1_000 })).map((stream) => () => stream.next().value as number);

describe("whatever the jobs end with", () => {
  it("every flow ends, each node starts at most once and ends once, and nothing starts before what it waits for", () => {
    fc.assert(
      fc.property(flowGraphs, randomNumbers, (graph, next) => {
        const { state, started, finished } = finish(newState({ id: FLOW_ID, graph }), next);
        expect(state.status).not.toBe("running");
        expect(new Set(started).size).toBe(started.length);
        expect(finished.sort((a, b) => a - b)).toEqual([...graph.nodes.keys()]);
        for (const { counts, outcome, doomed } of state.nodes)
          expect([unfinishedOf(counts), outcome === null, doomed]).toEqual([0, false, undefined]);
        const late = graph.nodes.findIndex(({ when }) => when === "ended");
        if (graph.kind === "batch" && late > 0) expect(started.filter((node) => node === late)).toEqual([late]);
      }),
      { numRuns: 500 },
    );
  });

  it("the state that follows from the ends of all jobs is the one that the cascade came to", () => {
    fc.assert(
      fc.property(
        flowGraphs.filter(({ onFailure }) => onFailure === "finish"),
        randomNumbers,
        (graph, next) => {
          const { state } = finish(newState({ id: FLOW_ID, graph }), next);
          const ended = new Map(
            state.nodes.map(({ counts, cause }, node) => [node, { ...counts, ...(cause && { cause }) }]),
          );
          const restored = stateOf({ ...state, isOpen: false }, ended);
          expect(restored.nodes.map(({ counts }) => counts)).toEqual(state.nodes.map(({ counts }) => counts));
          expect(restored.status).toBe(state.status);
          if (!state.isCancelRequested)
            expect(restored.nodes.map(({ outcome }) => outcome)).toEqual(state.nodes.map(({ outcome }) => outcome));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("a restored flow runs to its end", () => {
    fc.assert(
      fc.property(flowGraphs, randomNumbers, (graph, next) => {
        const known = new Map<number, EndedJobs>();
        let before = begin(newState({ id: FLOW_ID, graph })).state;
        for (const node of dependencyOrder(graph.nodes)) {
          const { isStarted, counts, outcome } = at(before.nodes, node);
          if (!isStarted || outcome !== null || counts.total === 0 || next() % 3 === 0) continue;
          const ended = { [next() % 3 === 0 ? "failed" : "completed"]: 1, cause: jobId(1) };
          known.set(node, ended);
          before = endJobs(before, node, ended).state;
        }
        const restored = stateOf(newState({ id: FLOW_ID, graph }), known);
        // With the rule "stop", a node that had not ended when the flow stopped need not start again
        if (graph.onFailure === "finish") expect(restored.nodes).toEqual(before.nodes);
        expect(finish(restored, next).state.status).not.toBe("running");
      }),
      { numRuns: 300 },
    );
  });
});
