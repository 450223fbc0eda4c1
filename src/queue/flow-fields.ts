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
 *   n<i>   what the scripts need of it, in one field, because a read or a write of several would take most of their time:
 *          `<phase><outcome><status of its job><met><unneeded><waits for> <conditions>|<cause>|<j or b><when><max
 *          failures>|<job>|<edges>|<name>`, with "-" for what is not known or does not apply:
 *          phase: "r" since it started, or why it can no longer run · met: "1" after what it waits for has failed, or been
 *          cancelled · unneeded: "1" after a node that it needs was skipped · waits for: for how many nodes it still
 *          waits; conditions: for how many of them on whose failure it runs · cause: the id of a job, "/" and the index of
 *          its node · an edge is the field of a node that waits for this one, and why
 *   and of a batch, whose job and its status are not in n<i>:
 *   i<i>   the ids of its jobs: `first count`, with a comma between two; those added to a batch are in fi:<flow>
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
  NodeCounts,
  NodeOutcome,
  NodeState,
} from "../core/flows/flow.ts";
import { flowStatusOf, newState, unfinishedOf } from "../core/flows/graph.ts";
import { STATE_CODE } from "../core/state-code.ts";
import {
  DOOM_CODE,
  EDGE_CODE,
  KIND_BATCH,
  NODE_KIND,
  OPCODE,
  SKIPPED,
  TASK,
  UNSET,
  WHEN_CODE,
  WORK_CODE,
} from "./codes.ts";

/** What is known of a flow that was enqueued before: after a retry, or after Redis came back empty. */
export interface FlowPreset {
  /** As `begin` or `stateOf` (core/flows/evaluate.ts) returns it: its graph has the ids of ended jobs, too. */
  readonly state: FlowState;
  /** Results and errors (JSON) of ended nodes that others refer to. */
  readonly kept?: readonly { readonly node: number; readonly result?: string; readonly error?: string }[];
  /** Redis has lost the flow alone, and jobs of nodes that have started since may still wait: they are released. */
  readonly mayWait?: boolean;
  /** Of a retry: an id that no other retry has. Without it, the flow is enqueued unless Redis has it. */
  readonly retryId?: string;
  /** Of a retry: how many of its jobs were prepared. It does not take place unless all of them are still there. */
  readonly prepared?: number;
}

/**
 * What a submission has to do with a flow.
 * new: `ids` and `submissions` are the jobs of a flow that Redis does not have; those of nodes that have not started
 * wait · add: they are added to a batch that is open, or while `from`, a job of it, runs · prepare: they wait for a retry of
 * a flow that has ended, which is to follow within a minute; else they are cancelled. `position`: how many were prepared for
 * it before.
 */
export type SubmittedFlow =
  | { readonly kind: "new"; readonly id: string; readonly graph: FlowGraph; readonly preset?: FlowPreset }
  | { readonly kind: "add"; readonly id: string; readonly from?: string }
  | { readonly kind: "prepare"; readonly id: string; readonly retryId: string; readonly position: number };

/** The error of a cancelled job that has none, for jobs that refer to it. */
export const CANCELLED = JSON.stringify({ code: "cancelled", message: "The job was cancelled.", attempt: 0 });

/** The flow that a job belongs to, and the field of its node, as the scripts that end jobs take it. */
export function memberText({ id, at: node }: FlowMember): string {
  return `${id} n${node}`;
}

const OUTCOME_CODE: Readonly<Record<NodeOutcome, string>> = {
  completed: STATE_CODE.completed,
  failed: STATE_CODE.failed,
  cancelled: STATE_CODE.cancelled,
  skipped: SKIPPED,
};
const JOB_STATUSES = ["completed", "failed", "cancelled"] as const;
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
    for (const other of others) at(edges, other).push(`n${i}${code}`);
    for (const other of new Set(waitsFor)) if (!others.has(other)) at(edges, other).push(`n${i}${EDGE_CODE.order}`);
  });
  return edges;
}

function fieldsOfNode(graph: FlowGraph, nodes: readonly NodeState[], edges: readonly string[], i: number): string[] {
  const node = at(graph.nodes, i);
  const { counts, cause } = at(nodes, i);
  const isBatch = node.type === null;
  const kind = isBatch ? NODE_KIND.batch : NODE_KIND.job;
  const job = isBatch ? "" : at(node.ids, 0).first;
  const fixed = `${kind}${WHEN_CODE[node.when]}${node.maxFailures ?? 0}|${job}|${edges.join(",")}|${node.name}`;
  const causedBy = cause === null ? "" : causeText(graph, cause, i);
  const fields = [`n${i}`, `${progressOf(graph, nodes, i)}|${causedBy}|${fixed}`];
  if (!isBatch) return fields;
  const add = (field: string, value: string | number): unknown => fields.push(field + String(i), String(value));
  if (node.ids.length > 0) add("i", node.ids.map(({ first, count }) => `${first} ${count}`).join(","));
  add("t", counts.total);
  add("c", unfinishedOf(counts));
  if (counts.completed > 0) add("o", counts.completed);
  if (counts.failed > 0) add("f", counts.failed);
  if (counts.cancelled > 0) add("x", counts.cancelled);
  return fields;
}

/** How far a node is: the first part of its field. */
function progressOf(graph: FlowGraph, nodes: readonly NodeState[], i: number): string {
  const node = at(graph.nodes, i);
  const { counts, outcome, isStarted, doomed } = at(nodes, i);
  const isFirstFailure = node.when === "first_failure";
  const isMet = (other: number): boolean => {
    const { counts: ended, outcome: became } = at(nodes, other);
    return isFirstFailure ? ended.failed > 0 : became === "failed" || became === "cancelled";
  };
  const met = node.after.filter(isMet);
  const isPassed = (other: number): boolean =>
    isFirstFailure && node.after.includes(other) ? met.includes(other) : at(nodes, other).outcome !== null;
  const isUnneeded = node.when === "succeeded" && node.after.some((other) => at(nodes, other).outcome === "skipped");
  const status = JOB_STATUSES.find((each) => counts[each] > 0);
  const codes = [
    doomed === undefined ? (isStarted ? STATE_CODE.running : UNSET) : DOOM_CODE[doomed],
    outcome === null ? UNSET : OUTCOME_CODE[outcome],
    node.type === null || status === undefined ? UNSET : STATE_CODE[status],
    met.length > 0 ? "1" : UNSET,
    isUnneeded ? "1" : UNSET,
  ];
  const waitsFor = predecessorsOf(node).filter((other) => !isPassed(other)).length;
  const conditions = node.when === "failed" ? node.after.filter((other) => !isPassed(other)).length : 0;
  return `${codes.join("")}${waitsFor} ${conditions}`;
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

/**
 * The arguments of enqueue.lua for a new flow, and which of its nodes wait: `id fields kept works`, the last three numbers;
 * so many fields and values of its hash, of the hash of its results, and times and members of `flow_work` (after `TASK`, the
 * field of a node whose jobs the call starts).
 */
export function encodeFlow({ id, graph, preset }: Extract<SubmittedFlow, { kind: "new" }>): {
  readonly args: readonly string[];
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
  nodes.forEach(({ doomed, outcome, isStarted }, i) => {
    fields.push(...fieldsOfNode(graph, nodes, at(edges, i), i));
    if (preset?.mayWait && isStarted && outcome === null) work.push(TASK, `n${i}`);
    if (doomed !== undefined && outcome === null) work.push(0, `${WORK_CODE.doomed}${id} ${i}`);
  });
  const kept = (preset?.kept ?? []).flatMap(({ node, result, error }) => [
    ...(result === undefined ? [] : [`r${node}`, result]),
    ...(error === undefined ? [] : [`e${node}`, error]),
  ]);
  return {
    args: [
      `${OPCODE.flow}${id} ${fields.length} ${kept.length} ${work.length}`,
      ...[...fields, ...kept, ...work].map(String),
    ],
    isWaiting: (node) => !at(nodes, node).isStarted,
  };
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
      const ids = node.type === null ? rangesOf(fields.get(`i${i}`)) : [{ first: jobOf(fields, i), count: 1 }];
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

/** The id of the job of a node. */
function jobOf(fields: ReadonlyMap<string, string>, i: number): string {
  return fields.get(`n${i}`)?.split("|", 4)[3] ?? "";
}

function readNode(fields: ReadonlyMap<string, string>, i: number): NodeState {
  const [progress = "", cause, fixed] = (fields.get(`n${i}`) ?? "").split("|", 3);
  const [phase = "", code = "", status] = progress;
  const outcome = OUTCOME_OF.get(code) ?? null;
  const doomed = outcome === null ? DOOM_OF.get(phase) : undefined;
  return {
    counts: fixed?.startsWith(NODE_KIND.batch) ? countsOfBatch(fields, i) : countsOfJob(status),
    isStarted: phase === STATE_CODE.running,
    outcome,
    cause: cause?.split("/")[0] || null,
    ...(doomed !== undefined && { doomed }),
  };
}

function countsOfBatch(fields: ReadonlyMap<string, string>, i: number): NodeCounts {
  const count = (field: string): number => Number(fields.get(`${field}${i}`) ?? 0);
  return { total: count("t"), completed: count("o"), failed: count("f"), cancelled: count("x") };
}

/** @param code that of the status of a job that has ended */
function countsOfJob(code: string | undefined): NodeCounts {
  const count = (status: (typeof JOB_STATUSES)[number]): number => (code === STATE_CODE[status] ? 1 : 0);
  return { total: 1, completed: count("completed"), failed: count("failed"), cancelled: count("cancelled") };
}

/** The ids as a field has them. */
export function rangesOf(text: string | undefined): IdRange[] {
  return (text ?? "").split(",").flatMap((range) => {
    const [first = "", count] = range.split(" ");
    return first === "" ? [] : [{ first, count: Number(count) }];
  });
}
