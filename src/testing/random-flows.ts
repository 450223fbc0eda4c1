/** Random flows: graphs, and the jobs of their nodes. */
import fc from "fast-check";
import type { FlowGraph, FlowNode, NewFlow } from "../core/flows/flow.ts";
import { memberOf } from "../core/flows/graph.ts";
import { idAfter } from "../core/id.ts";
import type { Submission } from "../core/job.ts";
import { submission } from "./queue.ts";

export interface RandomNode {
  /** Jobs of a batch, or null for a single job. */
  readonly batch: number | null;
  readonly when: "succeeded" | "failed" | "ended";
  /** Numbers of any size, which choose among the nodes before. */
  readonly after: readonly number[];
  readonly waitsFor: readonly number[];
  readonly maxFailures: number;
  readonly keeps: boolean;
  readonly priority: number;
  readonly isDelayed: boolean;
}

export interface RandomFlow {
  readonly kind: "flow" | "batch" | "then";
  readonly onFailure: "finish" | "stop";
  readonly isOpen: boolean;
  readonly nodes: readonly RandomNode[];
}

const node: fc.Arbitrary<RandomNode> = fc.record({
  batch: fc.constantFrom(null, null, null, 0, 1, 2, 3),
  when: fc.constantFrom("succeeded", "succeeded", "failed", "ended"),
  after: fc.array(fc.nat(20), { maxLength: 3 }),
  waitsFor: fc.array(fc.nat(20), { maxLength: 1 }),
  maxFailures: fc.constantFrom(0, 0, 1, 2),
  keeps: fc.boolean(),
  priority: fc.constantFrom(5, 5, 9),
  isDelayed: fc.constantFrom(false, false, false, true),
});

export const randomFlow: fc.Arbitrary<RandomFlow> = fc.record({
  kind: fc.constantFrom("flow", "flow", "flow", "batch", "batch", "then"),
  onFailure: fc.constantFrom("finish", "finish", "stop"),
  isOpen: fc.boolean(),
  nodes: fc.array(node, { minLength: 1, maxLength: 7 }),
});

const CALLBACKS = ["succeeded", "ended", "first_failure"] as const;

function graphNode(kind: RandomFlow["kind"], random: RandomNode, i: number): Omit<FlowNode, "ids"> {
  const before = (which: readonly number[]): number[] => [...new Set(which.map((n) => n % i))];
  const isBatch = kind === "batch" ? i === 0 : kind === "flow" && random.batch !== null;
  const after = i === 0 ? [] : kind === "flow" ? before(random.after) : [0];
  const waitsFor = i === 0 || kind !== "flow" ? [] : before(random.waitsFor).filter((other) => !after.includes(other));
  const when = i === 0 || after.length === 0 ? "succeeded" : random.when;
  return {
    name: `node${i}`,
    type: isBatch ? null : "noop",
    when: kind === "batch" && i > 0 ? (CALLBACKS[(i - 1) % CALLBACKS.length] ?? "ended") : when,
    after,
    waitsFor,
    ...(isBatch && { maxFailures: random.maxFailures }),
    ...(random.keeps && { keeps: true }),
  };
}

/** @param id of the flow; those of its jobs follow it @param runAt epoch ms: of the delayed jobs */
export function flowOf({ kind, onFailure, isOpen, nodes }: RandomFlow, id: string, runAt: number): NewFlow {
  const some = kind === "batch" ? nodes.slice(0, 4) : nodes;
  let next = 1;
  const withIds = some.map((random, i): FlowNode => {
    const made = graphNode(kind, random, i);
    const count = made.type === null ? (random.batch ?? 1) : 1;
    const ids = count === 0 ? [] : [{ first: idAfter(id, next), count }];
    next += count;
    return { ...made, ids };
  });
  const graph: FlowGraph = {
    kind,
    name: null,
    onFailure: kind === "flow" ? onFailure : "finish",
    nodes: withIds,
    ...(kind === "batch" && isOpen && { closesAt: runAt }),
  };
  const jobs = withIds.flatMap(({ ids }, i) =>
    ids.flatMap(({ first, count }) =>
      Array.from({ length: count }, (_, nth) => ({
        id: idAfter(first, nth),
        submission: jobOf(id, graph, i, some[i], runAt),
      })),
    ),
  );
  return { id, graph, jobs };
}

export function jobOf(
  id: string,
  graph: FlowGraph,
  i: number,
  random: Pick<RandomNode, "priority" | "isDelayed"> | undefined,
  runAt: number,
): Submission {
  return submission({
    priority: random?.priority ?? 5,
    options: { ...(random?.isDelayed && { run_at: runAt }), flow: memberOf(id, graph, i, false) },
  });
}
