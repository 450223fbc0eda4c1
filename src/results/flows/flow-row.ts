/** The row of a flow in Postgres. */
import { begin } from "../../core/flows/evaluate.ts";
import type { FlowGraph, FlowState, FlowStatus, IdRange, NodeState } from "../../core/flows/flow.ts";
import { newState } from "../../core/flows/graph.ts";
import { storable } from "../../core/storable.ts";

/** A row as get.sql returns it. */
export interface FlowRow {
  readonly id: string;
  readonly graph: string;
  readonly nodes: string | null;
  readonly status: FlowStatus;
  readonly closed_by: FlowState["closedBy"];
  readonly is_cancel_requested: boolean;
  readonly finished_at: number | null;
  /** Of a flow that runs: each with its first id and how many there are. */
  readonly additions: readonly string[] | null;
}

export function flowOf(row: FlowRow): FlowState {
  const stored = JSON.parse(row.graph) as FlowGraph;
  const graph = row.additions ? withAdditions(stored, row.additions.map(rangeOf)) : stored;
  const state: FlowState = {
    ...newState({ id: row.id, graph }),
    ...(row.nodes !== null && { nodes: JSON.parse(row.nodes) as NodeState[] }),
    status: row.status,
    isOpen: row.status === "running" && graph.closesAt !== undefined && row.closed_by === null,
    closedBy: row.closed_by,
    isCancelRequested: row.is_cancel_requested,
    finishedAt: row.finished_at,
  };
  return row.nodes === null ? begin(state).state : state;
}

/** The graph with ids that were added to its first node after it was stored. */
function withAdditions(graph: FlowGraph, additions: readonly IdRange[]): FlowGraph {
  const [first, ...others] = graph.nodes;
  if (!first) return graph;
  const known = new Set(first.ids.map((range) => range.first));
  const added = additions.filter((range) => !known.has(range.first));
  if (added.length === 0) return graph;
  return { ...graph, nodes: [{ ...first, ids: [...first.ids, ...added] }, ...others] };
}

function rangeOf(text: string): IdRange {
  const [first = "", count = "0"] = text.split(" ");
  return { first, count: Number(count) };
}

/** A flow that has ended, with the JSON of its row. */
export interface WrittenFlow {
  readonly flow: FlowState;
  readonly graph: string;
  readonly nodes: string;
}

export function writtenFlow(flow: FlowState): WrittenFlow {
  return { flow, graph: JSON.stringify(flow.graph), nodes: JSON.stringify(flow.nodes) };
}

/** The parameters of save.sql after the namespace: one array for each column. */
export function columnsOf(written: readonly WrittenFlow[]): unknown[] {
  const flows = written.map(({ flow }) => flow);
  return [
    flows.map(({ id }) => id),
    flows.map(({ finishedAt }) => finishedAt),
    flows.map(({ graph }) => graph.isDurable ?? false),
    flows.map(({ isCancelRequested }) => isCancelRequested),
    flows.map(({ graph }) => graph.kind),
    flows.map(({ status }) => status),
    flows.map(({ graph }) => nameOf(graph)),
    flows.map(({ closedBy }) => closedBy),
    written.map(({ graph }) => graph),
    written.map(({ nodes }) => nodes),
  ];
}

export function nameOf({ name }: FlowGraph): string | null {
  return name === null ? null : storable(name);
}
