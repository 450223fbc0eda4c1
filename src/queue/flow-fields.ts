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
 *   position:<work>   how many jobs of the flow a replica has cancelled or stopped
 * and by the index i of a node:
 *   n<i>   `<j or b><when><max failures>|<edges>|<name>`; an edge is the index of a node that waits for this one, and why
 *   i<i>   the ids of its jobs: `first count`, with a comma between two; those added to a batch are in fi:<flow>
 *   u<i>   for how many nodes it still waits
 *   b<i>   "1" after what it waits for has failed, or been cancelled
 *   s<i>   "r" since it started, or the outcome that it will have because it can no longer run
 *   e<i>   its outcome
 *   y<i>   the cause: the id of a job, "/" and the index of its node
 *   t<i> c<i> o<i> f<i> x<i>   its jobs: all, not ended, completed, failed, cancelled
 */
import { at } from "../core/at.ts";
import type { FlowGraph, FlowMember, FlowNode, FlowState, IdRange, NodeCounts, NodeOutcome, NodeState } from "../core/flows/flow.ts";
import { STATE_CODE } from "../core/state-code.ts";
import { EDGE_CODE, KIND_BATCH, NODE_KIND, OPCODE, SKIPPED, WHEN_CODE, WORK_CODE } from "./codes.ts";

/** What is known of a flow that was enqueued before: after a retry, or after Redis came back empty. */
export interface FlowPreset {
  /** By the index of the node; the ids of the graph and `counts.total` include the jobs that have ended. */
  readonly nodes: readonly NodeState[];
  readonly isOpen?: boolean;
  readonly closedBy?: FlowState["closedBy"];
  readonly isCancelRequested?: boolean;
  /** Results and errors (JSON) of ended nodes that others refer to. */
  readonly kept?: readonly { readonly node: number; readonly result?: string; readonly error?: string }[];
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
const NO_ENDS = { completed: 0, failed: 0, cancelled: 0 };

/** A node as it is about to be stored. */
interface Stored {
  readonly counts: NodeCounts;
  readonly unended: number;
  /** Null also for a node whose outcome is decided, but whose jobs have not ended. */
  readonly outcome: NodeOutcome | null;
  readonly isStarted: boolean;
  readonly doom: "cancelled" | "skipped" | undefined;
  readonly cause: string | null;
}

/** Indexes of the nodes that a node waits for. */
export function predecessorsOf({ after, waitsFor }: FlowNode): readonly number[] {
  return [...new Set([...after, ...waitsFor])];
}

const totalOf = (ids: readonly IdRange[]): number => ids.reduce((sum, { count }) => sum + count, 0);

function isBatch({ type }: FlowNode): boolean {
  return type === null;
}

/** The nodes in the order of their indexes; a node may wait for one with a greater index. */
function storedNodes(graph: FlowGraph, preset: FlowPreset | undefined): Stored[] {
  return graph.nodes.map((node, i) => {
    const given = preset?.nodes[i];
    const counts = { ...NO_ENDS, ...given?.counts, total: totalOf(node.ids) };
    const unended = counts.total - counts.completed - counts.failed - counts.cancelled;
    const decided = given?.outcome ?? null;
    const doom =
      given !== undefined && !given.isStarted && unended > 0 ? doomOf(graph, node, preset, decided) : undefined;
    return {
      counts,
      unended,
      doom,
      outcome: unended > 0 ? null : decided,
      isStarted: doom === undefined && (given ? given.isStarted : predecessorsOf(node).length === 0),
      cause: given?.cause ?? null,
    };
  });
}

function doomOf(
  graph: FlowGraph,
  { when, after }: FlowNode,
  preset: FlowPreset | undefined,
  decided: NodeOutcome | null,
): Stored["doom"] {
  if (decided === "skipped" || decided === "cancelled") return decided;
  const outcomes = after.map((i) => preset?.nodes[i]?.outcome ?? null);
  if (when === "succeeded") {
    const first = outcomes.find((outcome) => outcome !== null && outcome !== "completed");
    if (first !== undefined) return first === "skipped" ? "skipped" : "cancelled";
  }
  const isStopped = graph.onFailure === "stop" && preset?.nodes.some(({ outcome }) => outcome === "failed") === true;
  return isStopped && (when === "succeeded" || when === "first_failure") ? "cancelled" : undefined;
}

/** The edges of the nodes that wait for a node. */
function edgesOf(graph: FlowGraph, node: number): string {
  return graph.nodes
    .flatMap((other, i) => {
      if (other.after.includes(node))
        return [`${i}${other.when === "first_failure" ? EDGE_CODE.firstFailure : EDGE_CODE.condition}`];
      return other.waitsFor.includes(node) ? [`${i}${EDGE_CODE.order}`] : [];
    })
    .join(",");
}

function fieldsOfNode(graph: FlowGraph, nodes: readonly Stored[], i: number): string[] {
  const node = at(graph.nodes, i);
  const { counts, unended, outcome, isStarted, doom, cause } = at(nodes, i);
  const kind = isBatch(node) ? NODE_KIND.batch : NODE_KIND.job;
  const fields = [`n${i}`, `${kind}${WHEN_CODE[node.when]}${node.maxFailures ?? 0}|${edgesOf(graph, i)}|${node.name}`];
  const add = (field: string, value: string | number): unknown => fields.push(field + String(i), String(value));
  if (node.ids.length > 0) add("i", node.ids.map(({ first, count }) => `${first} ${count}`).join(","));
  add("t", counts.total);
  add("c", unended);
  if (counts.completed > 0) add("o", counts.completed);
  if (counts.failed > 0) add("f", counts.failed);
  if (counts.cancelled > 0) add("x", counts.cancelled);
  const others = predecessorsOf(node);
  const isMet = ({ counts: { failed }, outcome: ended }: Stored): boolean =>
    node.when === "first_failure" ? failed > 0 : ended === "failed" || ended === "cancelled";
  const met = node.after.filter((other) => isMet(at(nodes, other)));
  const passed = others.filter((other) => at(nodes, other).outcome !== null || (node.when === "first_failure" && met.includes(other)));
  add("u", others.length - passed.length);
  if (met.length > 0) add("b", 1);
  if (doom !== undefined) add("s", OUTCOME_CODE[doom]);
  else if (isStarted) add("s", STATE_CODE.running);
  if (outcome !== null) add("e", OUTCOME_CODE[outcome]);
  if (cause !== null) add("y", `${cause}/${nodeOf(graph, cause) ?? i}`);
  return fields;
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
  const nodes = storedNodes(graph, preset);
  const left = nodes.filter(({ outcome }) => outcome === null).length;
  const isOpen = preset ? preset.isOpen === true : graph.closesAt !== undefined;
  const failed = nodes.findIndex(({ outcome }) => outcome === "failed");
  const { nodes: _, ...rest } = graph;
  const stripped = { ...rest, nodes: graph.nodes.map(({ ids: __, ...node }) => node) };
  const fields: (string | number)[] = ["g", JSON.stringify(stripped), "nodes", nodes.length, "left", left];
  const work: (string | number)[] = [];
  if (graph.kind === "batch") fields.push("kind", KIND_BATCH);
  if (graph.onFailure === "stop") fields.push("stop", 1);
  if (graph.onFailure === "stop" && failed !== -1) {
    fields.push("stopped", `${at(nodes, failed).cause ?? graph.nodes[failed]?.ids[0]?.first ?? id}/${failed}`);
    work.push(0, WORK_CODE.stop + id);
  }
  if (isOpen) {
    fields.push("open", 1);
    if (graph.closesAt !== undefined) work.push(Math.max(1, graph.closesAt), WORK_CODE.close + id);
  }
  if (preset?.closedBy) fields.push("closed", preset.closedBy);
  if (preset?.isCancelRequested) {
    fields.push("cancel", 1);
    work.push(0, WORK_CODE.cancel + id);
  }
  if (left === 0) work.push(0, WORK_CODE.ended + id);
  const empty: number[] = [];
  nodes.forEach(({ isStarted, unended, outcome, doom }, i) => {
    fields.push(...fieldsOfNode(graph, nodes, i));
    if (doom !== undefined) work.push(0, `${WORK_CODE.doomed}${id} ${i}`);
    if (isStarted && unended === 0 && outcome === null) empty.push(i);
  });
  const kept = (preset?.kept ?? []).flatMap(({ node, result, error }) => [
    ...(result === undefined ? [] : [`r${node}`, result]),
    ...(error === undefined ? [] : [`e${node}`, error]),
  ]);
  return {
    text: `${OPCODE.flow}${[[id], fields, kept, work, empty].map(part).join("\u0001")}`,
    isWaiting: (node) => !at(nodes, node).isStarted,
  };
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
  return {
    id,
    graph,
    nodes,
    status: finishedAt === null ? "running" : endStatus(graph, nodes, isCancelRequested),
    isOpen: fields.has("open"),
    closedBy: (fields.get("closed") as FlowState["closedBy"] | undefined) ?? null,
    isCancelRequested,
    finishedAt,
  };
}

function readNode(fields: ReadonlyMap<string, string>, i: number): NodeState {
  const count = (field: string): number => Number(fields.get(`${field}${i}`) ?? 0);
  return {
    counts: { total: count("t"), completed: count("o"), failed: count("f"), cancelled: count("x") },
    isStarted: fields.get(`s${i}`) === STATE_CODE.running,
    outcome: OUTCOME_OF.get(fields.get(`e${i}`) ?? "") ?? null,
    cause: fields.get(`y${i}`)?.split("/")[0] ?? null,
  };
}

/** The ids as a field has them. */
export function rangesOf(text: string | undefined): IdRange[] {
  return (text ?? "").split(",").flatMap((range) => {
    const [first = "", count] = range.split(" ");
    return first === "" ? [] : [{ first, count: Number(count) }];
  });
}

function endStatus({ kind }: FlowGraph, nodes: readonly NodeState[], isCancelRequested: boolean): FlowState["status"] {
  if (isCancelRequested) return "cancelled";
  const outcomes = (kind === "batch" ? nodes.slice(0, 1) : nodes).map(({ outcome }) => outcome);
  return outcomes.includes("failed") ? "failed" : outcomes.includes("cancelled") ? "cancelled" : "completed";
}
