/**
 * Which jobs of an ended flow run again, and the state that it continues from. Nodes that neither failed, nor were
 * cancelled, nor come after one that runs again keep their outcome and their jobs.
 */
import { at } from "../at.ts";
import { idAfter, idsFrom } from "../id.ts";
import type { FlowGraph, FlowNode, FlowState, IdRange, NodeState } from "./flow.ts";
import { dependentsOf, freshNode } from "./graph.ts";

/** A node that runs again. unfinished: a batch of which only the jobs that failed or were cancelled do. */
export interface RetriedNode {
  readonly node: number;
  readonly jobs: "all" | "unfinished";
}

/** A job that runs again. */
export interface RetriedJob {
  readonly id: string;
  readonly retryOf: string;
  readonly node: number;
}

/**
 * The nodes that run again, in the order of the graph; none if there is nothing to run again.
 * @param state of a flow that has ended
 * @param from names of nodes: these run again, and all that come after them. Without it: those that failed or were
 * cancelled, and all that come after them
 */
export function nodesToRetry(
  state: FlowState,
  from?: readonly string[],
): { readonly nodes: readonly RetriedNode[] } | { /** Names that no node has. */ readonly unknown: readonly string[] } {
  const { graph, nodes } = state;
  const indexes = new Map(
    graph.nodes.flatMap(({ name, resultsOf }, index) => (resultsOf === undefined ? [[name, index]] : [])),
  );
  const unknown = (from ?? []).filter((name) => !indexes.has(name));
  if (unknown.length > 0) return { unknown };
  const seeds = from
    ? from.map((name) => indexes.get(name) ?? 0)
    : [...nodes.keys()].filter((node) => isToRetry(at(nodes, node), graph, node));
  const after = nodesAfter(seeds, graph);
  const again = new Set([...seeds, ...after]);
  return {
    nodes: [...again]
      .sort((a, b) => a - b)
      .map((node) => ({ node, jobs: isInPart(at(nodes, node), after.has(node)) ? "unfinished" : "all" })),
  };
}

/** The failed jobs of a batch run again even if it has completed with them. */
function isToRetry({ outcome, counts }: NodeState, { kind }: FlowGraph, node: number): boolean {
  if (outcome === "failed" || outcome === "cancelled") return true;
  return kind === "batch" && node === 0 && counts.failed + counts.cancelled > 0;
}

/** The jobs of a batch that comes after a node that runs again may have other results now. */
function isInPart({ counts: { completed, failed, cancelled } }: NodeState, isAfterOther: boolean): boolean {
  return !isAfterOther && completed > 0 && failed + cancelled > 0;
}

function nodesAfter(seeds: readonly number[], graph: FlowGraph): Set<number> {
  const dependents = dependentsOf(graph.nodes);
  const after = new Set<number>();
  const queue = [...seeds];
  for (const node of queue) {
    for (const dependent of at(dependents, node)) {
      if (after.has(dependent)) continue;
      after.add(dependent);
      queue.push(dependent);
    }
  }
  return after;
}

/**
 * The flow that runs again under the same id: its state, which `begin` in evaluate.ts starts, and its new jobs.
 * @param nodes from {@link nodesToRetry}
 * @param unfinished for each node of which only the unfinished jobs run again: their ids, in order
 * @param firstId the first of as many consecutive ids as there are new jobs
 */
export function retried(
  state: FlowState,
  nodes: readonly RetriedNode[],
  unfinished: ReadonlyMap<number, readonly string[]>,
  firstId: string,
): { readonly state: FlowState; readonly jobs: readonly RetriedJob[] } {
  const jobs: RetriedJob[] = [];
  const graphNodes = [...state.graph.nodes];
  const states = [...state.nodes];
  for (const { node, jobs: which } of nodes) {
    const earlier = at(state.graph.nodes, node);
    const ids =
      which === "all" ? earlier.ids.flatMap(({ first, count }) => idsFrom(first, count)) : unfinished.get(node);
    const kept = which === "all" ? [] : withoutIds(earlier.ids, ids ?? []);
    const { total, completed } = at(state.nodes, node).counts;
    graphNodes[node] = withNewIds(earlier, kept, idAfter(firstId, jobs.length), ids?.length ?? 0);
    const fresh = freshNode(total);
    states[node] = { ...fresh, counts: { ...fresh.counts, completed: which === "all" ? 0 : completed } };
    for (const retryOf of ids ?? []) jobs.push({ id: idAfter(firstId, jobs.length), retryOf, node });
  }
  const { id, closedBy } = state;
  const graph = { ...state.graph, nodes: graphNodes };
  const running = { status: "running", isOpen: false, isCancelRequested: false, finishedAt: null } as const;
  return { state: { id, closedBy, graph, nodes: states, ...running }, jobs };
}

function withNewIds(node: FlowNode, kept: readonly IdRange[], first: string, count: number): FlowNode {
  return { ...node, ids: count === 0 ? kept : [...kept, { first, count }] };
}

/** The ranges without some of their ids. @param ids in the order of the ranges */
function withoutIds(ranges: readonly IdRange[], ids: readonly string[]): IdRange[] {
  const kept: IdRange[] = [];
  let next = 0;
  for (const { first, count } of ranges) {
    let start = 0;
    const add = (end: number): void => {
      if (end > start) kept.push({ first: idAfter(first, start), count: end - start });
    };
    for (let id = ids[next]; id !== undefined; id = ids[++next]) {
      const offset = offsetOf(id, first);
      if (offset === undefined || offset >= count) break;
      add(offset);
      start = offset + 1;
    }
    add(count);
  }
  return kept;
}

/** How far an id is after the first of a range; undefined if it is in no range with it. */
function offsetOf(id: string, first: string): number | undefined {
  if (id.slice(0, 28) !== first.slice(0, 28)) return undefined;
  const offset = Number.parseInt(id.slice(28), 16) - Number.parseInt(first.slice(28), 16);
  return offset < 0 ? undefined : offset;
}
