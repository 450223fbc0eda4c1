import { describe, expect, it } from "vitest";
import { FLOW_ID, jobId, stateWith, type TestNode } from "../../testing/flow-graphs.ts";
import { at } from "../at.ts";
import { addJobs, begin, type Cascade, close, type EndedJobs, endJobs, requestCancel } from "./evaluate.ts";
import type { FlowGraph, NodeOutcome } from "./flow.ts";
import { newState, unfinishedOf } from "./graph.ts";

/** Ends nodes by their names, and the jobs of those that can no longer run, as the caller of a cascade must. */
function play(
  nodes: Readonly<Record<string, TestNode>>,
  ends: readonly (readonly [name: string, ended: EndedJobs])[],
  options: Partial<FlowGraph> = {},
) {
  const started: string[] = [];
  const stopped: string[] = [];
  const names = Object.keys(nodes);
  let state = stateWith(nodes, options);
  const take = (cascade: Cascade): void => {
    state = cascade.state;
    started.push(...cascade.start.map((node) => at(names, node)));
    stopped.push(...cascade.stop.map((node) => at(names, node)));
    for (const { node } of cascade.doom) {
      const cancelled = unfinishedOf(at(state.nodes, node).counts);
      if (at(state.nodes, node).outcome === null) take(endJobs(state, node, { cancelled }));
    }
  };
  take(begin(state));
  for (const [name, ended] of ends) take(endJobs(state, names.indexOf(name), ended));
  const outcomes = Object.fromEntries(names.map((name, node) => [name, at(state.nodes, node).outcome]));
  return { state, started, stopped, outcomes };
}

const done = { completed: 1 };
const failed = { failed: 1 };

describe("a node after others", () => {
  const fork = { a: {}, b: {}, c: { after: ["a", "b"] } };

  it("starts when all of them have completed", () => {
    expect(play(fork, [["a", done]]).started).toEqual(["a", "b"]);
    const { started, outcomes, state } = play(fork, [
      ["a", done],
      ["b", done],
      ["c", done],
    ]);
    expect([started, outcomes, state.status]).toEqual([
      ["a", "b", "c"],
      { a: "completed", b: "completed", c: "completed" },
      "completed",
    ]);
  });

  it("is cancelled at once when one of them has failed, because of its job", () => {
    const { state, outcomes } = play(fork, [["b", failed]]);
    expect(outcomes).toEqual({ a: null, b: "failed", c: "cancelled" });
    expect(at(state.nodes, 2).cause).toBe(jobId(2));
    expect(state.status).toBe("running");
  });

  it("passes the cause on to the nodes after it", () => {
    const { state } = play({ a: {}, b: { after: ["a"] }, c: { after: ["b"] } }, [["a", failed]]);
    expect(state.nodes.map(({ outcome, cause }) => [outcome, cause])).toEqual([
      ["failed", null],
      ["cancelled", jobId(1)],
      ["cancelled", jobId(1)],
    ]);
    expect(state.status).toBe("failed");
  });

  it("is cancelled when one of them was cancelled", () => {
    const { state, outcomes } = play(fork, [["a", { cancelled: 1 }]]);
    expect(outcomes).toEqual({ a: "cancelled", b: null, c: "cancelled" });
    expect(at(state.nodes, 2).cause).toBe(jobId(1));
  });

  it("with `failed` runs if one of them failed, and is skipped otherwise", () => {
    const nodes = { a: {}, b: {}, c: { after: ["a", "b"], when: "failed" } } as const;
    expect(play(nodes, [["a", failed]]).outcomes).toEqual({ a: "failed", b: null, c: null });
    const ended = [
      ["a", failed],
      ["b", done],
    ] as const;
    expect(play(nodes, ended).started).toEqual(["a", "b", "c"]);
    const fine = play(nodes, [
      ["a", done],
      ["b", done],
    ]);
    expect([fine.outcomes, fine.state.status]).toEqual([{ a: "completed", b: "completed", c: "skipped" }, "completed"]);
  });

  it("with `ended` runs after any end, and counts a skipped node as ended", () => {
    const nodes = {
      a: {},
      undo: { after: ["a"], when: "failed" },
      tidy: { after: ["a", "undo"], when: "ended" },
      next: { after: ["undo"] },
      again: { after: ["undo"], when: "failed" },
    } as const;
    const { started, outcomes } = play(nodes, [["a", done]]);
    expect(started).toEqual(["a", "tidy"]);
    expect(outcomes).toMatchObject({ undo: "skipped", next: "skipped", again: "skipped" });
    expect(play(nodes, [["a", failed]]).started).toEqual(["a", "undo"]);
  });

  it("is cancelled after a failure and a skipped node, in any order", () => {
    const nodes = {
      a: {},
      bad: {},
      undo: { after: ["a"], when: "failed" },
      next: { after: ["bad", "undo"] },
      alarm: { after: ["next"], when: "failed" },
    } as const;
    const [fine, broken] = [["a", done] as const, ["bad", failed] as const];
    expect(play(nodes, [fine]).outcomes).toMatchObject({ undo: "skipped", next: null });
    expect(play(nodes, [fine, broken])).toMatchObject({
      outcomes: { next: "cancelled" },
      started: ["a", "bad", "alarm"],
    });
    expect(play(nodes, [broken, fine])).toMatchObject({
      outcomes: { next: "cancelled" },
      started: ["a", "bad", "alarm"],
    });
    expect(play(nodes, [fine, ["bad", done]]).outcomes).toMatchObject({ next: "skipped", alarm: "skipped" });
  });

  it("waits for the nodes that it refers to, whatever their outcome", () => {
    const nodes = { a: {}, b: {}, c: { after: ["a"], waitsFor: ["b"] } };
    expect(play(nodes, [["a", done]]).started).toEqual(["a", "b"]);
    const ended = [
      ["a", done],
      ["b", failed],
    ] as const;
    expect(play(nodes, ended).started).toEqual(["a", "b", "c"]);
  });

  it("ends when its own job is cancelled while it waits", () => {
    const { outcomes } = play({ a: {}, b: { after: ["a"] }, c: { after: ["b"], when: "ended" } }, [
      ["b", { cancelled: 1 }],
    ]);
    expect(outcomes).toEqual({ a: null, b: "cancelled", c: null });
  });
});

describe("a batch in a flow", () => {
  const nodes = (jobs: number, maxFailures: number) => ({ all: { jobs, maxFailures }, next: { after: ["all"] } });

  it.each<[jobs: number, maxFailures: number, ended: EndedJobs, outcome: NodeOutcome]>([
    [2, 0, { completed: 2 }, "completed"],
    [2, 0, { completed: 1, failed: 1, cause: jobId(2) }, "failed"],
    [2, 1, { completed: 1, failed: 1, cause: jobId(2) }, "completed"],
    [3, 1, { failed: 1, cancelled: 2, cause: jobId(1) }, "cancelled"],
    [3, 0, { completed: 2, cancelled: 1, cause: jobId(3) }, "cancelled"],
  ])("of %d jobs with max_failures %d that ends with %j has %s", (jobs, maxFailures, ended, outcome) => {
    const { outcomes, started, state } = play(nodes(jobs, maxFailures), [["all", ended]]);
    expect(outcomes["all"]).toBe(outcome);
    expect(started).toEqual(outcome === "completed" ? ["all", "next"] : ["all"]);
    if (outcome !== "completed") expect(at(state.nodes, 1).cause).toBe(ended.cause);
  });

  it("has the first job that failed as its cause, rather than one that was cancelled before", () => {
    const { state } = play(nodes(3, 0), [
      ["all", { cancelled: 1, cause: jobId(1) }],
      ["all", { failed: 1, cause: jobId(2) }],
      ["all", { failed: 1, cause: jobId(3) }],
    ]);
    expect(at(state.nodes, 0).cause).toBe(jobId(2));
  });

  it("completes at once if it is empty, and is cancelled or skipped if it may not run", () => {
    expect(play(nodes(0, 0), []).started).toEqual(["all", "next"]);
    const after = { a: {}, all: { jobs: 0, after: ["a"] }, next: { after: ["all"] } };
    expect(play(after, [["a", failed]]).outcomes).toEqual({ a: "failed", all: "cancelled", next: "cancelled" });
    const skipped = { a: {}, all: { jobs: 0, after: ["a"], when: "failed" }, next: { after: ["all"] } } as const;
    expect(play(skipped, [["a", done]]).outcomes).toEqual({ a: "completed", all: "skipped", next: "skipped" });
  });

  it("is cancelled as a whole if it may not run, whatever max_failures allows", () => {
    const after = { a: {}, all: { jobs: 2, maxFailures: 5, after: ["a"] } };
    expect(play(after, [["a", failed]]).outcomes).toEqual({ a: "failed", all: "cancelled" });
  });
});

describe("a flow with the rule stop", () => {
  const nodes = {
    bad: {},
    long: {},
    later: { after: ["long"] },
    tidy: { after: ["later"], when: "ended" },
    undo: { after: ["bad", "long"], when: "failed" },
  } as const;

  it("stops what runs and cancels what has not started, except for clean-up", () => {
    const { state, stopped, outcomes, started } = play(nodes, [["bad", failed]], { onFailure: "stop" });
    expect([stopped, started]).toEqual([["long"], ["bad", "long", "tidy"]]);
    expect(outcomes).toEqual({ bad: "failed", long: null, later: "cancelled", tidy: null, undo: null });
    expect([state.stoppedBy, at(state.nodes, 2).cause]).toEqual([jobId(1), jobId(1)]);
  });

  it("goes on after a job was cancelled", () => {
    const { outcomes, stopped } = play(nodes, [["bad", { cancelled: 1 }]], { onFailure: "stop" });
    expect([outcomes["later"], stopped]).toEqual([null, []]);
  });

  it("with the rule finish continues what does not depend on the failed node", () => {
    expect(play(nodes, [["bad", failed]]).outcomes).toMatchObject({ long: null, later: null });
  });
});

describe("a standalone batch", () => {
  const nodes = {
    jobs: { jobs: 2, maxFailures: 1 },
    on_success: { after: ["jobs"] },
    on_complete: { after: ["jobs"], when: "ended" },
    on_first_failure: { after: ["jobs"], when: "first_failure" },
  } as const;
  const batch = { kind: "batch" } as const;

  it("starts on_first_failure once, with the first failure", () => {
    const { started } = play(nodes, [["jobs", failed]], batch);
    expect(started).toEqual(["jobs", "on_first_failure"]);
    const both = play(
      nodes,
      [
        ["jobs", failed],
        ["jobs", failed],
      ],
      batch,
    );
    expect(both.started).toEqual(["jobs", "on_first_failure", "on_complete"]);
    expect(both.outcomes).toMatchObject({ jobs: "failed", on_success: "cancelled" });
  });

  it("has the status of its jobs once its callbacks have ended, too", () => {
    const ends = [
      ["jobs", { completed: 2 }],
      ["on_success", failed],
    ] as const;
    expect(play(nodes, ends, batch).state.status).toBe("running");
    const { state, outcomes } = play(nodes, [...ends, ["on_complete", done]], batch);
    expect([state.status, outcomes["on_first_failure"]]).toEqual(["completed", "skipped"]);
  });

  it("ends neither before it is closed, nor before jobs that were added have ended", () => {
    const open = begin(newState({ id: FLOW_ID, graph: stateWith(nodes, { ...batch, closesAt: 1 }).graph })).state;
    const ended = endJobs(open, 0, { completed: 2 }).state;
    expect(at(ended.nodes, 0).outcome).toBe(null);
    const added = close(addJobs(ended, 1), "timeout");
    expect([added.state.isOpen, added.state.closedBy, added.start]).toEqual([false, "timeout", []]);
    expect(endJobs(added.state, 0, { completed: 1 }).start).toEqual([1, 2]);
    expect(close(ended, "caller").start).toEqual([1, 2]);
    expect(() => addJobs(close(ended, "caller").state, 1)).toThrow("has ended");
  });

  it("that is cancelled closes, stops its jobs, and runs its callbacks as usual", () => {
    const open = begin(stateWith(nodes, { ...batch, closesAt: 1 })).state;
    const { state, stop, doom } = requestCancel(open);
    expect([state.isOpen, state.closedBy, stop, doom]).toEqual([false, "caller", [0], []]);
    const ended = endJobs(state, 0, { cancelled: 2, cause: jobId(1) });
    expect(ended.start).toEqual([2]);
    expect(ended.doom).toEqual([
      { node: 1, code: "dependency_failed", cause: jobId(1) },
      { node: 3, code: "not_needed", cause: null },
    ]);
  });
});

describe("requestCancel", () => {
  it("of a flow reaches every node, also clean-up", () => {
    const state = begin(stateWith({ a: {}, b: { after: ["a"] }, tidy: { after: ["b"], when: "ended" } })).state;
    const cancelled = requestCancel(state);
    expect(cancelled.stop).toEqual([0]);
    expect(cancelled.doom.map(({ node, code }) => [node, code])).toEqual([
      [1, "cancelled"],
      [2, "cancelled"],
    ]);
    const running = [0, 1, 2].reduce((last, node) => endJobs(last, node, { cancelled: 1 }).state, cancelled.state);
    expect(running.status).toBe("cancelled");
    expect(requestCancel(running).state).toEqual(running);
  });
});
