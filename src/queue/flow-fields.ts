/**
 * A flow as Redis stores it: the fields of its hash, made here and read here. The scripts change those that change.
 *
 *   g             the graph without ids, as JSON; only TypeScript reads it
 *   nodes, left   how many nodes there are, and how many have not ended
 *   kind, stop    "b" of a batch; "1" if `on_failure` is "stop"
 *   open, closed  "1" while jobs may be added to a batch; why that ended
 *   cancel        "1" after somebody has cancelled the flow as a whole
 *   stopped       the cause, after a node has failed and `on_failure` is "stop"
 *   finished      epoch ms
 *   retry         the id of the retry that made it run again
 *   position:<work>   how many jobs of the flow a replica has cancelled or stopped
 * and by the index i of a node:
 *   n<i>   `<j or b><when><max failures>|<edges>|<name>`; an edge is the index of a node that waits for this one, and why
 *   i<i>   the ids of its jobs: `first count`, with a comma between two; those added to a batch are in fi:<flow>
 *   u<i>   for how many nodes it still waits; v<i>: for how many of them on whose failure it runs
 *   b<i>   "1" after what it waits for has failed, or been cancelled; k<i>: "1" after a node that it needs was skipped
 *   s<i>   "r" since it started, or why it can no longer run
 *   e<i>   its outcome
 *   y<i>   the cause: the id of a job, "/" and the index of its node
 *   t<i> c<i> o<i> f<i> x<i>   its jobs: all, not ended, completed, failed, cancelled
 */
import { at } from "../core/at.ts";
import { begin } from "../core/flows/evaluate.ts";
import type {
  DoomCode,
  FlowGraph,
  FlowMember,
  FlowNode,
  FlowState,
  IdRange,
  NodeOutcome,
  NodeState,
} from "../core/flows/flow.ts";
import { flowStatusOf, newState, unfinishedOf } from "../core/flows/graph.ts";
import { STATE_CODE } from "../core/state-code.ts";
import { DOOM_CODE, EDGE_CODE, KIND_BATCH, NODE_KIND, OPCODE, SKIPPED, WHEN_CODE, WORK_CODE } from "./codes.ts";

/** What is known of a flow that was enqueued before: after a retry, or after Redis came back empty. */
export interface FlowPreset {
  /** As `begin` or `stateOf` (core/flows/evaluate.ts) returns it: its graph has the ids of ended jobs, too. */
  readonly state: FlowState;
  /** Results and errors (JSON) of ended nodes that others refer to. */
  readonly kept?: readonly { readonly node: number; readonly result?: string; readonly error?: string }[];
  /** Of a retry: an id that no other retry has. Without it, the flow is enqueued unless Redis has it. */
  readonly retryId?: string;
}

/**
 * What a submission has to do with a flow.
 * new: `ids` and `submissions` are the jobs of a flow that Redis does not have; those of nodes that have not started
 * wait · add: they are added to a batch that is open, or while `from`, a job of it, runs.
 */
export type SubmittedFlow =
  | { readonly kind: "new"; readonly id: string; readonly graph: FlowGraph; readonly preset?: FlowPreset }
  | { readonly kind: "add"; readonly id: string; readonly from?: string };

/** The error of a cancelled job that has none, for jobs that refer to it. */
export const CANCELLED = JSON.stringify({ code: "cancelled", message: "The job was cancelled.", attempt: 0 });

/** The node that a job belongs to, as the scripts that end jobs take it. */
export function memberText({ id, at: node }: FlowMember): string {
  return `${id} ${node}`;
}

const OUTCOME_CODE: Readonly<Record<NodeOutcome, string>> = {
  completed: STATE_CODE.completed,
  failed: STATE_CODE.failed,
  cancelled: STATE_CODE.cancelled,
  skipped: SKIPPED,
};
const OUTCOME_OF = new Map(Object.entries(OUTCOME_CODE).map(([outcome, code]) => [code, outcome as NodeOutcome]));
export const DOOM_OF = new Map(Object.entries(DOOM_CODE).map(([doom, code]) => [code as string, doom as DoomCode]));

/** Indexes of the nodes that a node waits for. */
export function predecessorsOf({ after, waitsFor }: FlowNode): readonly number[] {
  return [...new Set([...after, ...waitsFor])];
}

/** For each node, the edges of the nodes that wait for it. A graph may have half a million. */
function edgesOf({ nodes }: FlowGraph): string[][] {
  const edges: string[][] = nodes.map(() => []);
  nodes.forEach(({ when, after, waitsFor }, i) => {
    const code = when === "first_failure" ? EDGE_CODE.firstFailure : EDGE_CODE.condition;
    const others = new Set(after);
    for (const other of others) at(edges, other).push(`${i}${code}`);
    for (const other of new Set(waitsFor)) if (!others.has(other)) at(edges, other).push(`${i}${EDGE_CODE.order}`);
  });
  return edges;
}

function fieldsOfNode(graph: FlowGraph, nodes: readonly NodeState[], edges: readonly string[], i: number): string[] {
  const node = at(graph.nodes, i);
  const { counts, outcome, isStarted, doomed, cause } = at(nodes, i);
  const kind = node.type === null ? NODE_KIND.batch : NODE_KIND.job;
  const fields = [`n${i}`, `${kind}${WHEN_CODE[node.when]}${node.maxFailures ?? 0}|${edges.join(",")}|${node.name}`];
  const add = (field: string, value: string | number): unknown => fields.push(field + String(i), String(value));
  if (node.ids.length > 0) add("i", node.ids.map(({ first, count }) => `${first} ${count}`).join(","));
  add("t", counts.total);
  add("c", unfinishedOf(counts));
  if (counts.completed > 0) add("o", counts.completed);
  if (counts.failed > 0) add("f", counts.failed);
  if (counts.cancelled > 0) add("x", counts.cancelled);
  const isFirstFailure = node.when === "first_failure";
  const isMet = (other: number): boolean => {
    const { counts: ended, outcome: became } = at(nodes, other);
    return isFirstFailure ? ended.failed > 0 : became === "failed" || became === "cancelled";
  };
  const met = node.after.filter(isMet);
  const isPassed = (other: number): boolean =>
    isFirstFailure && node.after.includes(other) ? met.includes(other) : at(nodes, other).outcome !== null;
  add("u", predecessorsOf(node).filter((other) => !isPassed(other)).length);
  if (node.when === "failed") add("v", node.after.filter((other) => !isPassed(other)).length);
  if (met.length > 0) add("b", 1);
  if (node.when === "succeeded" && node.after.some((other) => at(nodes, other).outcome === "skipped")) add("k", 1);
  if (doomed !== undefined) add("s", DOOM_CODE[doomed]);
  else if (isStarted) add("s", STATE_CODE.running);
  if (outcome !== null) add("e", OUTCOME_CODE[outcome]);
  if (cause !== null) add("y", causeText(graph, cause, i));
  return fields;
}

/** A cause as the scripts have it. @param node of a job that no node has */
function causeText(graph: FlowGraph, cause: string, node: number): string {
  return `${cause}/${nodeOf(graph, cause) ?? node}`;
}

/** The index of the node that a job belongs to. */
function nodeOf(graph: FlowGraph, id: string): number | undefined {
  const index = graph.nodes.findIndex(({ ids }) =>
    ids.some(({ first, count }) => id.slice(0, -8) === first.slice(0, -8) && isWithin(id, first, count)),
  );
  return index === -1 ? undefined : index;
}

function isWithin(id: string, first: string, count: number): boolean {
  const offset = Number.parseInt(id.slice(-8), 16) - Number.parseInt(first.slice(-8), 16);
  return offset >= 0 && offset < count;
}

const part = (values: readonly (string | number)[]): string => values.join("\0");

/** The argument of enqueue.lua for a new flow, and which of its nodes wait. */
export function encodeFlow({ id, graph, preset }: Extract<SubmittedFlow, { kind: "new" }>): {
  readonly text: string;
  readonly isWaiting: (node: number) => boolean;
} {
  const { nodes, isOpen, closedBy, isCancelRequested, stoppedBy } =
    preset?.state ?? begin(newState({ id, graph })).state;
  const withoutIds = { ...graph, nodes: graph.nodes.map((node) => ({ ...node, ids: undefined })) };
  const left = nodes.filter(({ outcome }) => outcome === null).length;
  const fields: (string | number)[] = ["g", JSON.stringify(withoutIds), "nodes", nodes.length, "left", left];
  const work: (string | number)[] = [];
  if (graph.kind === "batch") fields.push("kind", KIND_BATCH);
  if (preset?.retryId !== undefined) fields.push("retry", preset.retryId);
  if (isOpen) fields.push("open", 1);
  if (isOpen && graph.closesAt !== undefined) work.push(Math.max(1, graph.closesAt), WORK_CODE.close + id);
  if (closedBy) fields.push("closed", closedBy);
  if (isCancelRequested) {
    fields.push("cancel", 1);
    work.push(0, WORK_CODE.cancel + id);
  }
  if (graph.onFailure === "stop") {
    fields.push("stop", 1);
    if (stoppedBy !== undefined) {
      fields.push("stopped", causeText(graph, stoppedBy, 0));
      work.push(0, WORK_CODE.stop + id);
    }
  }
  const edges = edgesOf(graph);
  nodes.forEach(({ doomed, outcome }, i) => {
    fields.push(...fieldsOfNode(graph, nodes, at(edges, i), i));
    if (doomed !== undefined && outcome === null) work.push(0, `${WORK_CODE.doomed}${id} ${i}`);
  });
  const kept = (preset?.kept ?? []).flatMap(({ node, result, error }) => [
    ...(result === undefined ? [] : [`r${node}`, `=${result}`]),
    ...(error === undefined ? [] : [`e${node}`, `=${error}`]),
  ]);
  return {
    text: `${OPCODE.flow}${[[id], fields, kept, work].map(part).join("\u0001")}`,
    isWaiting: (node) => !at(nodes, node).isStarted,
  };
}

/** The id of the retry that a submission is; undefined for any other. */
export function retryIdOf(flow: SubmittedFlow | undefined): string | undefined {
  return flow?.kind === "new" ? flow.preset?.retryId : undefined;
}

/** The argument of enqueue.lua for jobs that are added to a batch. */
export function encodeAddition({ id, from = "" }: Extract<SubmittedFlow, { kind: "add" }>, jobs: number): string {
  return `${OPCODE.addition}${id} ${jobs} ${from}`;
}

type StoredGraph = Omit<FlowGraph, "nodes"> & { readonly nodes: readonly Omit<FlowNode, "ids">[] };

/**
 * @param hash field and value in turn @param added the ids that were added to a batch
 * @returns undefined if Redis does not have the flow
 */
export function readFlow(id: string, hash: readonly string[], added: readonly string[]): FlowState | undefined {
  const fields = new Map<string, string>();
  for (let i = 0; i < hash.length; i += 2) fields.set(at(hash, i), at(hash, i + 1));
  const json = fields.get("g");
  if (json === undefined) return undefined;
  const { nodes: storedAs, ...rest } = JSON.parse(json) as StoredGraph;
  const graph: FlowGraph = {
    ...rest,
    nodes: storedAs.map((node, i) => {
      const ids = rangesOf(fields.get(`i${i}`));
      return { ...node, ids: i === 0 ? [...ids, ...added.flatMap(rangesOf)] : ids };
    }),
  };
  const nodes = storedAs.map((_, i) => readNode(fields, i));
  const finishedAt = fields.has("finished") ? Number(fields.get("finished")) : null;
  const isCancelRequested = fields.has("cancel");
  const stopped = fields.get("stopped");
  return {
    id,
    graph,
    nodes,
    status: flowStatusOf({ graph, nodes, isCancelRequested }),
    isOpen: fields.has("open"),
    closedBy: (fields.get("closed") as FlowState["closedBy"] | undefined) ?? null,
    isCancelRequested,
    finishedAt,
    ...(stopped !== undefined && { stoppedBy: at(stopped.split("/"), 0) }),
  };
}

function readNode(fields: ReadonlyMap<string, string>, i: number): NodeState {
  const count = (field: string): number => Number(fields.get(`${field}${i}`) ?? 0);
  const phase = fields.get(`s${i}`) ?? "";
  const outcome = OUTCOME_OF.get(fields.get(`e${i}`) ?? "") ?? null;
  const doomed = outcome === null ? DOOM_OF.get(phase) : undefined;
  return {
    counts: { total: count("t"), completed: count("o"), failed: count("f"), cancelled: count("x") },
    isStarted: phase === STATE_CODE.running,
    outcome,
    cause: fields.get(`y${i}`)?.split("/")[0] || null,
    ...(doomed !== undefined && { doomed }),
  };
}

/** The ids as a field has them. */
export function rangesOf(text: string | undefined): IdRange[] {
  return (text ?? "").split(",").flatMap((range) => {
    const [first = "", count] = range.split(" ");
    return first === "" ? [] : [{ first, count: Number(count) }];
  });
}
