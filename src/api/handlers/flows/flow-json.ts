/** Flows and batches as answers show them. */
import type { FlowNode, FlowState, NodeCounts, NodeState } from "../../../core/flows/flow.ts";
import { at } from "../../../core/at.ts";
import { idsFrom, timeOfId } from "../../../core/id.ts";
import { formatTime } from "../../../core/rfc3339.ts";

/** The names of the nodes of a batch. */
const BATCH_NODE = "jobs";

/** `running`: it has started and not ended. */
export type NodeStatus = "waiting" | "running" | NonNullable<NodeState["outcome"]>;

interface Counts {
  readonly waiting: number;
  readonly unfinished: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

export function nodeStatusOf({ isStarted, outcome }: NodeState): NodeStatus {
  return outcome ?? (isStarted ? "running" : "waiting");
}

/** The id of the job of a node; null for a batch. */
export function jobIdOf({ type, ids }: FlowNode): string | null {
  return type === null ? null : (ids[0]?.first ?? null);
}

export function flowJson(state: FlowState): string {
  const { graph, nodes } = state;
  const jobs = graph.nodes.map((node, i) => [node.name, nodeView(state, node, at(nodes, i))] as const);
  // not an object: integers among its names would come first
  const members = jobs.map(([name, view]) => `${JSON.stringify(name)}:${JSON.stringify(view)}`);
  return `${summaryJson(state).slice(0, -1)},"jobs":{${members.join(",")}}}`;
}

/** A flow without its nodes. */
export function summaryJson({ id, graph, nodes, status, isCancelRequested, finishedAt }: FlowState): string {
  return JSON.stringify({
    id,
    kind: graph.kind,
    name: graph.name,
    status,
    on_failure: graph.onFailure,
    nodes: graph.nodes.length,
    totals: totalsOf(nodes),
    cancel_requested: isCancelRequested,
    created_at: formatTime(timeOfId(id)),
    finished_at: timeOrNull(finishedAt),
  });
}

export function batchJson({ id, graph, nodes, status, isOpen, closedBy, isCancelRequested, finishedAt }: FlowState): string {
  const [node, state] = [at(graph.nodes, 0), at(nodes, 0)];
  const { total, completed, failed, cancelled } = state.counts;
  const ended = completed + failed + cancelled;
  return JSON.stringify({
    id,
    name: graph.name,
    status,
    open: isOpen,
    closes_at: isOpen ? timeOrNull(graph.closesAt) : null,
    closed_by: closedBy,
    total,
    counts: countsOf(state),
    progress: progressOf(ended, total, { isOpen }),
    max_failures: node.maxFailures ?? 0,
    first_failure: state.cause,
    callbacks: Object.fromEntries(
      graph.nodes.filter((one) => one.name !== BATCH_NODE && one.resultsOf === undefined).map((one) => [one.name, jobIdOf(one)]),
    ),
    cancel_requested: isCancelRequested,
    created_at: formatTime(timeOfId(id)),
    finished_at: timeOrNull(finishedAt),
  });
}

/** What a key without the scope `read` gets of a flow of its own. */
export function receiptJson({ id, status }: FlowState): string {
  return JSON.stringify({ id, status });
}

/** In percent, with one decimal. An empty batch has done all it can, unless it is open. */
function progressOf(ended: number, total: number, { isOpen }: { readonly isOpen: boolean }): number {
  if (total === 0) return isOpen ? 0 : 100;
  return Math.floor((ended / total) * 1_000) / 10;
}

function nodeView({ graph }: FlowState, node: FlowNode, state: NodeState): unknown {
  const nameAt = (index: number): string => at(graph.nodes, index).name;
  return {
    type: node.type,
    when: node.when,
    after: node.after.map(nameAt),
    status: nodeStatusOf(state),
    job_id: jobIdOf(node),
    counts: node.type === null ? countsOf(state) : null,
    cause: state.cause,
    ...(node.resultsOf !== undefined && { results_of: nameAt(node.resultsOf) }),
  };
}

function countsOf({ counts: { total, completed, failed, cancelled }, isStarted }: Pick<NodeState, "counts" | "isStarted">): Counts {
  const live = Math.max(0, total - completed - failed - cancelled);
  return { waiting: isStarted ? 0 : live, unfinished: isStarted ? live : 0, completed, failed, cancelled };
}

function totalsOf(nodes: readonly NodeState[]): Counts & Pick<NodeCounts, "total"> {
  const sum = { total: 0, waiting: 0, unfinished: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const state of nodes) {
    sum.total += state.counts.total;
    for (const [name, value] of Object.entries(countsOf(state)) as [keyof Counts, number][]) sum[name] += value;
  }
  return sum;
}

function timeOrNull(epochMs: number | null | undefined): string | null {
  return epochMs === null || epochMs === undefined ? null : formatTime(epochMs);
}

/** The ids of all jobs of a node. */
export function idsOf({ ids }: FlowNode): string[] {
  return ids.flatMap(({ first, count }) => idsFrom(first, count));
}
