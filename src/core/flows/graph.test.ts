import { describe, expect, it } from "vitest";
import { FLOW_ID, graphOf, jobId, stateWith } from "../../testing/flow-graphs.ts";
import { at } from "../at.ts";
import { timeOfId } from "../id.ts";
import type { Submission } from "../job.ts";
import { encodeSubmission } from "../packed-job.ts";
import type { FlowDraft } from "./flow.ts";
import {
  flowStatusOf,
  idsNeeded,
  newState,
  nodeStatusOf,
  progressOf,
  scopeOf,
  sourceOf,
  totalsOf,
  viewCounts,
  withIds,
} from "./graph.ts";

const NO_OPTIONS = Object.freeze({});
const submission = (payload: string, options: Submission["options"] = NO_OPTIONS): Submission => ({
  type: "note",
  payload,
  priority: 5,
  maxAttempts: 3,
  groupKey: null,
  options,
});

const node = { when: "succeeded", after: [], waitsFor: [] } as const;
const draft: FlowDraft = {
  kind: "flow",
  name: "n",
  onFailure: "stop",
  nodes: [
    { ...node, name: "a", type: "note", jobs: 1, keeps: true },
    { ...node, name: "none", type: null, jobs: 0, maxFailures: 0 },
    { ...node, name: "all", type: null, jobs: 2, maxFailures: 1, after: [0], refs: [1] },
    {
      ...node,
      name: "all:results",
      type: "batch_results",
      when: "ended",
      waitsFor: [2],
      jobs: 0,
      resultsOf: 2,
      keeps: true,
    },
  ],
};

describe("withIds", () => {
  it("numbers the flow and its jobs, node by node", () => {
    const options = { tags: ["x"] };
    const submissions = [submission("{}"), submission('{"a":1}', options), submission('{"b":1}', options)];
    expect(idsNeeded(draft)).toBe(5);
    const { id, graph, jobs } = withIds(draft, submissions, FLOW_ID);
    expect([id, graph.name, graph.onFailure, graph.kind]).toEqual([FLOW_ID, "n", "stop", "flow"]);
    expect(graph.nodes).toEqual([
      { ...node, name: "a", type: "note", ids: [{ first: jobId(1), count: 1 }], keeps: true },
      { ...node, name: "none", type: null, ids: [], maxFailures: 0 },
      { ...node, name: "all", type: null, ids: [{ first: jobId(2), count: 2 }], maxFailures: 1, after: [0] },
      {
        ...node,
        name: "all:results",
        type: "batch_results",
        when: "ended",
        waitsFor: [2],
        ids: [{ first: jobId(4), count: 1 }],
        resultsOf: 2,
        keeps: true,
      },
    ]);
    expect(jobs.map((job) => [job.id, job.submission.type, job.submission.options])).toEqual([
      [jobId(1), "note", { flow: { id, at: 0, node: "a", keeps: true } }],
      [jobId(2), "note", { tags: ["x"], flow: { id, at: 2, node: "all" } }],
      [jobId(3), "note", { tags: ["x"], flow: { id, at: 2, node: "all", refs: true } }],
      [jobId(4), "batch_results", { flow: { id, at: 3, node: "all:results", keeps: true } }],
    ]);
    expect(at(jobs, 3).submission.payload).toBe(`{"flow_id":"${id}","node":"all"}`);
  });

  it("makes all jobs of a durable flow durable, and the one that the program adds belong to the key", () => {
    const owned = { api_key: "k" };
    const submissions = ["{}", "{}", "{}"].map((payload) => submission(payload, owned));
    const { graph, jobs } = withIds({ ...draft, isDurable: true }, submissions, FLOW_ID, "k");
    expect([graph.isDurable, graph.apiKey]).toEqual([true, "k"]);
    for (const { submission: job } of jobs) expect(job.options).toMatchObject({ durability: "postgres", api_key: "k" });
  });

  it("of a batch costs a job at most 90 bytes, and jobs with the same options still share them", () => {
    const batch: FlowDraft = {
      kind: "batch",
      name: null,
      onFailure: "finish",
      nodes: [{ ...node, name: "jobs", type: null, jobs: 2, maxFailures: 0 }],
      closeAfterMs: 1_000,
    };
    const plain = submission("{}");
    const { graph, jobs } = withIds(batch, [plain, plain], FLOW_ID);
    expect(graph.closesAt).toBe(timeOfId(FLOW_ID) + 1_000);
    expect(at(jobs, 0).submission.options).toEqual({ flow: { id: FLOW_ID, at: 0, batch: true } });
    expect(at(jobs, 1).submission.options).toBe(at(jobs, 0).submission.options);
    expect(encodeSubmission(at(jobs, 0).submission).length - encodeSubmission(plain).length).toBeLessThanOrEqual(90);
  });
});

it("scopeOf and sourceOf lead from a reference to the node whose result is stored", () => {
  const graph = graphOf({ a: {}, all: { jobs: 1 }, other: { jobs: 1 }, "all:results": { resultsOf: "all" } });
  expect(scopeOf(graph)).toEqual({ names: new Set(["a", "all", "other"]) });
  const source = (name: string, part: "result" | "error") => sourceOf(graph, { node: name, part });
  expect([source("a", "result"), source("a", "error"), source("all", "result"), source("all", "error")]).toEqual([
    0, 0, 3, 1,
  ]);
  expect([source("other", "result"), source("nobody", "result")]).toEqual([undefined, undefined]);
  expect(scopeOf({ kind: "then", nodes: [] }).implicit).toBe("job");
  expect(scopeOf({ kind: "batch", nodes: [] }).implicit).toBe("jobs");
});

describe("what a state means", () => {
  const { graph, nodes } = stateWith({ a: {}, b: { after: ["a"] } });
  const with_ = (...outcomes: ("completed" | "failed" | "cancelled" | "skipped" | null)[]) => ({
    graph,
    nodes: nodes.map((each, index) => ({ ...each, outcome: at(outcomes, index) })),
    isCancelRequested: false,
  });

  it("flowStatusOf is that of its worst node, once all have ended", () => {
    expect(flowStatusOf(with_("failed", null))).toBe("running");
    expect(flowStatusOf(with_("completed", "skipped"))).toBe("completed");
    expect(flowStatusOf(with_("completed", "cancelled"))).toBe("cancelled");
    expect(flowStatusOf(with_("cancelled", "failed"))).toBe("failed");
    expect(flowStatusOf({ ...with_("completed", "failed"), isCancelRequested: true })).toBe("cancelled");
    expect(flowStatusOf({ ...with_("completed", "failed"), graph: { ...graph, kind: "batch" } })).toBe("completed");
    expect(flowStatusOf({ ...with_("completed", null), graph: { ...graph, kind: "batch" } })).toBe("running");
  });

  it("the counts of nodes add up", () => {
    const counts = { total: 7, completed: 3, failed: 1, cancelled: 1 };
    const waiting = { counts, isStarted: false, outcome: null, cause: null };
    const running = { ...waiting, isStarted: true };
    expect(viewCounts(waiting)).toEqual({ waiting: 2, unfinished: 0, completed: 3, failed: 1, cancelled: 1 });
    expect(viewCounts(running)).toEqual({ waiting: 0, unfinished: 2, completed: 3, failed: 1, cancelled: 1 });
    expect(totalsOf([waiting, running])).toEqual({
      total: 14,
      waiting: 2,
      unfinished: 2,
      completed: 6,
      failed: 2,
      cancelled: 2,
    });
    expect([waiting, running, { ...running, outcome: "skipped" as const }].map(nodeStatusOf)).toEqual([
      "waiting",
      "running",
      "skipped",
    ]);
    expect(progressOf(running)).toBe(71);
    expect(progressOf({ counts: { ...counts, completed: 5 } })).toBe(100);
    expect(progressOf({ counts: { total: 1_000, completed: 999, failed: 0, cancelled: 0 } })).toBe(99);
    expect(progressOf(at(newState({ id: FLOW_ID, graph: graphOf({ jobs: { jobs: 0 } }) }).nodes, 0))).toBe(100);
  });
});
