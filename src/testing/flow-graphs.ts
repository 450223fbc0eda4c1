/** Graphs of flows for tests: as a test writes them, and at random. */
import fc from "fast-check";
import type { FlowGraph, FlowKind, FlowNode, FlowState, When } from "../core/flows/flow.ts";
import { newState } from "../core/flows/graph.ts";
import { idAfter } from "../core/id.ts";

export interface TestNode {
  /** Names of nodes before it. */
  readonly after?: readonly string[];
  readonly when?: When;
  readonly waitsFor?: readonly string[];
  /** Of a batch; without it, the node is one job. */
  readonly jobs?: number;
  readonly maxFailures?: number;
  /** The batch whose results it writes. */
  readonly resultsOf?: string;
}

export const FLOW_ID = "01968000-0000-7000-8000-000000000000";

/** The id of a job of a flow: the flow has the first, and its jobs follow by node. */
export const jobId = (nth: number): string => idAfter(FLOW_ID, nth);

export function graphOf(nodes: Readonly<Record<string, TestNode>>, options: Partial<FlowGraph> = {}): FlowGraph {
  const names = Object.keys(nodes);
  const indexes = (given: readonly string[] = []): number[] => given.map((name) => names.indexOf(name));
  let next = 1;
  const graphNodes = Object.entries(nodes).map(([name, node]): FlowNode => {
    const { after, when = "succeeded", waitsFor, jobs, maxFailures, resultsOf } = node;
    const count = jobs ?? 1;
    const ids = count === 0 ? [] : [{ first: jobId(next), count }];
    next += count;
    return {
      name,
      type: jobs === undefined ? "note" : null,
      when,
      after: indexes(after),
      waitsFor: indexes(waitsFor),
      ids,
      ...(maxFailures !== undefined && { maxFailures }),
      ...(resultsOf !== undefined && { resultsOf: names.indexOf(resultsOf) }),
    };
  });
  return { kind: "flow", name: null, onFailure: "finish", nodes: graphNodes, ...options };
}

export function stateWith(nodes: Readonly<Record<string, TestNode>>, options: Partial<FlowGraph> = {}): FlowState {
  return newState({ id: FLOW_ID, graph: graphOf(nodes, options) });
}

const whens = fc.constantFrom<When>("succeeded", "succeeded", "failed", "ended");

/** Some of the nodes before the one with this index. */
const before = (index: number): fc.Arbitrary<number[]> =>
  index === 0
    ? fc.constant([])
    : fc.uniqueArray(fc.nat({ max: index - 1 }), { maxLength: 3 }).map((list) => list.sort((a, b) => a - b));

interface RandomNode extends TestNode {
  readonly afterIndexes: readonly number[];
  readonly waitsForIndexes: readonly number[];
}

const nodeAt = (index: number): fc.Arbitrary<RandomNode> =>
  fc
    .record({
      afterIndexes: before(index),
      waitsForIndexes: fc.oneof(fc.constant([]), fc.constant([]), before(index)),
      when: whens,
      batch: fc.option(fc.record({ jobs: fc.nat({ max: 4 }), maxFailures: fc.nat({ max: 2 }) })),
    })
    .map(({ batch, when, ...node }) => ({
      ...node,
      when: node.afterIndexes.length === 0 ? "succeeded" : when,
      ...(batch ?? {}),
    }));

/** Flows of up to eight nodes, with batches, in the order of their names. */
const flows: fc.Arbitrary<FlowGraph> = fc
  .integer({ min: 1, max: 8 })
  .chain((count) => fc.tuple(fc.tuple(...Array.from({ length: count }, (_, index) => nodeAt(index))), fc.boolean()))
  .map(([nodes, stops]) => {
    const named = nodes.map(({ afterIndexes, waitsForIndexes, ...node }, index): [string, TestNode] => [
      nameOf(index),
      {
        ...node,
        after: afterIndexes.map(nameOf),
        waitsFor: waitsForIndexes.filter((earlier) => !afterIndexes.includes(earlier)).map(nameOf),
      },
    ]);
    return graphOf(Object.fromEntries(named), { onFailure: stops ? "stop" : "finish" });
  });

const nameOf = (index: number): string => `node${index}`;

const CALLBACKS: Readonly<Record<string, When>> = {
  on_success: "succeeded",
  on_complete: "ended",
  on_first_failure: "first_failure",
};

const batches: fc.Arbitrary<FlowGraph> = fc
  .record({
    jobs: fc.nat({ max: 5 }),
    maxFailures: fc.nat({ max: 2 }),
    callbacks: fc.subarray(Object.keys(CALLBACKS)),
    isOpen: fc.boolean(),
  })
  .map(({ jobs, maxFailures, callbacks, isOpen }) => {
    const after = callbacks.map((name): [string, TestNode] => [
      name,
      { after: ["jobs"], when: CALLBACKS[name] ?? "ended" },
    ]);
    const nodes = { jobs: { jobs, maxFailures }, ...Object.fromEntries(after) };
    return graphOf(nodes, { kind: "batch" satisfies FlowKind, ...(isOpen && { closesAt: 1 }) });
  });

/** Of flows and of batches. */
export const flowGraphs: fc.Arbitrary<FlowGraph> = fc.oneof(flows, flows, batches);
