/** Flows and batches as answers show them. */
import { at } from "../../../core/at.ts";
import { begin } from "../../../core/flows/evaluate.ts";
import type { FlowNode, FlowState, NewFlow, NodeState } from "../../../core/flows/flow.ts";
import { newState, nodeStatusOf, progressOf, totalsOf, viewCounts } from "../../../core/flows/graph.ts";
import { timeOfId } from "../../../core/id.ts";
import { formatTime } from "../../../core/rfc3339.ts";

/** The state of a flow at the moment of its acceptance. */
export function acceptedState(flow: Pick<NewFlow, "id" | "graph">): FlowState {
  const { state } = begin(newState(flow));
  return state.status === "running" ? state : { ...state, finishedAt: timeOfId(flow.id) }; // an empty batch
}

/** The id of the job of a node; null for a batch. */
export function jobIdOf({ type, ids }: FlowNode): string | null {
  return type === null ? null : (ids[0]?.first ?? null);
}

export function flowJson(state: FlowState): string {
  const { graph, nodes } = state;
  // written by hand: JSON.stringify would write nodes whose names are integers first
  const members = graph.nodes.map((node, index) => {
    const view = nodeView(state, node, at(nodes, index));
    return `${JSON.stringify(node.name)}:${JSON.stringify(view)}`;
  });
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

export function batchJson(state: FlowState): string {
  const { id, graph, isOpen } = state;
  const [node, jobs] = [at(graph.nodes, 0), at(state.nodes, 0)];
  const { total } = jobs.counts;
  const callbacks = graph.nodes.slice(1).filter(({ resultsOf }) => resultsOf === undefined);
  return JSON.stringify({
    id,
    name: graph.name,
    status: state.status,
    open: isOpen,
    closes_at: isOpen ? timeOrNull(graph.closesAt) : null,
    closed_by: state.closedBy,
    total,
    counts: viewCounts(jobs),
    progress: isOpen && total === 0 ? 0 : progressOf(jobs),
    max_failures: node.maxFailures ?? 0,
    cause: jobs.cause,
    callbacks: Object.fromEntries(callbacks.map((callback) => [callback.name, jobIdOf(callback)])),
    cancel_requested: state.isCancelRequested,
    created_at: formatTime(timeOfId(id)),
    finished_at: timeOrNull(state.finishedAt),
  });
}

/** What a key without the scope `read` gets of a flow of its own. */
export function receiptJson({ id, status }: Pick<FlowState, "id" | "status">): string {
  return JSON.stringify({ id, status });
}

function nodeView({ graph }: FlowState, node: FlowNode, state: NodeState): unknown {
  const nameAt = (index: number): string => at(graph.nodes, index).name;
  return {
    type: node.type,
    when: node.when,
    after: node.after.map(nameAt),
    status: nodeStatusOf(state),
    job_id: jobIdOf(node),
    counts: node.type === null ? viewCounts(state) : null,
    cause: state.cause,
    ...(node.resultsOf !== undefined && { results_of: nameAt(node.resultsOf) }),
  };
}

function timeOrNull(epochMs: number | null | undefined): string | null {
  return epochMs === null || epochMs === undefined ? null : formatTime(epochMs);
}
