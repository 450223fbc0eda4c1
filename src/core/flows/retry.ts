/**
 * Which jobs of an ended flow run again, and the state that it continues from. Nodes that neither failed, nor were
 * cancelled, nor come after one that runs again keep their outcome and their jobs.
 */
import { at } from "../at.ts";
import type { FlowGraph, FlowState, IdRange, NodeState } from "./flow.ts";
import { dependentsOf, freshNode } from "./graph.ts";
import { between, countOf, without } from "./id-ranges.ts";

/** A node that runs again. unfinished: a batch of which only the jobs that failed or were cancelled do. */
export interface RetriedNode {
  readonly node: number;
  readonly jobs: "all" | "unfinished";
}

/** The ids of the jobs that run again, by the index of their node, in the order of nodes. */
export type IdsToRetry = ReadonlyMap<number, readonly IdRange[]>;

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
 * @param nodes from {@link nodesToRetry} @param unfinished for each node of which only the unfinished jobs run again: their ids
 */
export function idsToRetry({ graph }: FlowState, nodes: readonly RetriedNode[], unfinished: IdsToRetry): IdsToRetry {
  return new Map(
    nodes.map(({ node, jobs }) => [node, jobs === "all" ? at(graph.nodes, node).ids : (unfinished.get(node) ?? [])]),
  );
}

/**
 * The flow that runs again under the same id, which `begin` in evaluate.ts starts.
 * @param newIds of the new jobs, in the order of those that run again
 */
export function retried(state: FlowState, again: IdsToRetry, newIds: readonly IdRange[]): FlowState {
  const graphNodes = [...state.graph.nodes];
  const states = [...state.nodes];
  let position = 0;
  for (const [node, ids] of again) {
    const earlier = at(state.graph.nodes, node);
    const kept = without(earlier.ids, ids);
    graphNodes[node] = { ...earlier, ids: [...kept, ...between(newIds, position, countOf(ids))] };
    position += countOf(ids);
    const { total, completed } = at(state.nodes, node).counts;
    const fresh = freshNode(total);
    states[node] = { ...fresh, counts: { ...fresh.counts, completed: kept.length === 0 ? 0 : completed } };
  }
  const { id, closedBy } = state;
  const graph = { ...state.graph, nodes: graphNodes };
  const running = { status: "running", isOpen: false, isCancelRequested: false, finishedAt: null } as const;
  return { id, closedBy, graph, nodes: states, ...running };
}
