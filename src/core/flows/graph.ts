/** The graph of a flow: its ids, what its nodes wait for, and what its state means. */
import { at } from "../at.ts";
import { idAfter, timeOfId } from "../id.ts";
import type { JobOptions, Submission } from "../job.ts";
import type {
  DraftNode,
  FlowDraft,
  FlowGraph,
  FlowMember,
  FlowNode,
  FlowState,
  FlowStatus,
  IdRange,
  NewFlow,
  NodeCounts,
  NodeOutcome,
  NodeState,
} from "./flow.ts";
import type { Reference, ReferenceScope } from "./reference.ts";

/** In one flow. */
export const MAX_NODES = 1_000;

/** The type of the jobs that write the results of a batch. Only this program submits them. */
export const RESULTS_TYPE = "batch_results";
const RESULTS_ATTEMPTS = 25;
const DEFAULT_PRIORITY = 5;

/** How many consecutive ids a flow needs: one for itself, and one for each of its jobs. */
export function idsNeeded(draft: FlowDraft): number {
  return 1 + draft.nodes.reduce((sum, node) => sum + jobsOf(node), 0);
}

function jobsOf({ jobs, resultsOf }: DraftNode): number {
  return resultsOf === undefined ? jobs : 1;
}

/**
 * The flow with its ids.
 * @param submissions those that its nodes have, in their order
 * @param firstId the first of as many ids as {@link idsNeeded} returns
 * @param apiKey the key that submits it; the submissions have it already
 */
export function withIds(
  draft: FlowDraft,
  submissions: readonly Submission[],
  firstId: string,
  apiKey?: string,
): NewFlow {
  const { nodes: drafts, closeAfterMs, ...rest } = draft;
  let offset = 1;
  const nodes = drafts.map((node): FlowNode => {
    const count = jobsOf(node);
    const ids = count === 0 ? [] : [{ first: idAfter(firstId, offset), count }];
    offset += count;
    return nodeOf(node, ids);
  });
  const graph: FlowGraph = {
    ...rest,
    nodes,
    ...(closeAfterMs !== undefined && { closesAt: timeOfId(firstId) + closeAfterMs }),
    ...(apiKey !== undefined && { apiKey }),
  };
  return { id: firstId, graph, jobs: jobsWithIds(firstId, graph, drafts, submissions) };
}

function nodeOf(
  { name, type, when, after, waitsFor, maxFailures, resultsOf, keeps }: DraftNode,
  ids: IdRange[],
): FlowNode {
  return {
    name,
    type,
    when,
    after,
    waitsFor,
    ids,
    ...(maxFailures !== undefined && { maxFailures }),
    ...(resultsOf !== undefined && { resultsOf }),
    ...(keeps && { keeps }),
  };
}

function jobsWithIds(
  id: string,
  graph: FlowGraph,
  drafts: readonly DraftNode[],
  submissions: readonly Submission[],
): NewFlow["jobs"] {
  const jobs: { readonly id: string; readonly submission: Submission }[] = [];
  let next = 0;
  drafts.forEach(({ jobs: count, refs = [], resultsOf }, index) => {
    const join = joiner(id, graph, index);
    const referring = new Set(refs);
    for (let nth = 0; nth < count; nth++) {
      const submission = join(at(submissions, next), referring.has(nth));
      next += 1;
      jobs.push({ id: idAfter(id, jobs.length + 1), submission });
    }
    if (resultsOf !== undefined)
      jobs.push({ id: idAfter(id, jobs.length + 1), submission: join(resultsSubmission(id, graph, resultsOf), false) });
  });
  return jobs;
}

/** The job that writes the results of the batch with this index. */
function resultsSubmission(id: string, graph: FlowGraph, batch: number): Submission {
  return {
    type: RESULTS_TYPE,
    payload: JSON.stringify({ flow_id: id, node: at(graph.nodes, batch).name }),
    priority: DEFAULT_PRIORITY,
    maxAttempts: RESULTS_ATTEMPTS,
    groupKey: null,
    options: {
      ...(graph.isDurable && { durability: "postgres" }),
      ...(graph.apiKey !== undefined && { api_key: graph.apiKey }),
    },
  };
}

/**
 * Makes submissions jobs of a node. Consecutive submissions that share their options still do, since packing encodes
 * them once then.
 */
export function joiner(
  id: string,
  graph: FlowGraph,
  index: number,
): (submission: Submission, hasReferences: boolean) => Submission {
  const members = [memberOf(id, graph, index, false), memberOf(id, graph, index, true)] as const;
  let last: { readonly options: JobOptions; readonly hasReferences: boolean; readonly joined: JobOptions } | undefined;
  return (submission, hasReferences) => {
    const { options } = submission;
    if (last?.options !== options || last.hasReferences !== hasReferences) {
      const durable = graph.isDurable && ({ durability: "postgres" } as const);
      const joined = Object.freeze({ ...options, ...durable, flow: members[hasReferences ? 1 : 0] });
      last = { options, hasReferences, joined };
    }
    return { ...submission, options: last.joined };
  };
}

/** What the options of a job of this node contain. */
export function memberOf(id: string, graph: FlowGraph, index: number, hasReferences: boolean): FlowMember {
  const { name, keeps } = at(graph.nodes, index);
  const isPlain = graph.kind === "batch" && index === 0;
  return {
    id,
    at: index,
    ...(!isPlain && { node: name }),
    ...(graph.kind === "batch" && { batch: true }),
    ...(keeps && { keeps }),
    ...(hasReferences && { refs: true }),
  };
}

/** The nodes that references in the payloads of this flow's jobs may name. */
export function scopeOf({ kind, nodes }: Pick<FlowGraph, "kind" | "nodes">): ReferenceScope {
  if (kind !== "flow") return FIRST_NODE_SCOPE[kind];
  return { names: new Set(nodes.filter(({ resultsOf }) => resultsOf === undefined).map(({ name }) => name)) };
}

/** Only the first node of these has others after it. */
export const FIRST_NODE_SCOPE = {
  then: { names: new Set(["job"]), implicit: "job" },
  batch: { names: new Set(["jobs"]), implicit: "jobs" },
} as const;

/** The index of the node whose stored result, or error, a reference reads; undefined if the graph has none. */
export function sourceOf({ nodes }: FlowGraph, { node, part }: Pick<Reference, "node" | "part">): number | undefined {
  const index = nodes.findIndex(({ name }) => name === node);
  const isResultOfBatch = part === "result" && nodes[index]?.type === null;
  const source = isResultOfBatch ? nodes.findIndex(({ resultsOf }) => resultsOf === index) : index;
  return source === -1 ? undefined : source;
}

/** The state of a flow of which nothing has happened; `begin` in evaluate.ts starts it. */
export function newState({ id, graph }: Pick<NewFlow, "id" | "graph">): FlowState {
  const nodes = graph.nodes.map(({ ids }) => freshNode(ids.reduce((sum, { count }) => sum + count, 0)));
  const isOpen = graph.closesAt !== undefined;
  return {
    id,
    graph,
    nodes,
    status: "running",
    isOpen,
    closedBy: null,
    isCancelRequested: false,
    finishedAt: null,
  };
}

/** A node of which nothing has happened. */
export function freshNode(total: number): NodeState {
  return { counts: { total, completed: 0, failed: 0, cancelled: 0 }, isStarted: false, outcome: null, cause: null };
}

/** For each node, the nodes that wait for it: those after it, and those that refer to it. */
export function dependentsOf(nodes: readonly Pick<FlowNode, "after" | "waitsFor">[]): number[][] {
  const dependents: number[][] = nodes.map(() => []);
  nodes.forEach(({ after, waitsFor }, node) => {
    for (const earlier of [...after, ...waitsFor]) at(dependents, earlier).push(node);
  });
  return dependents;
}

/** The indexes of the nodes, each after all that it waits for. @throws Error if there is a cycle */
export function dependencyOrder(nodes: readonly Pick<FlowNode, "after" | "waitsFor">[]): number[] {
  const dependents = dependentsOf(nodes);
  const left = nodes.map(({ after, waitsFor }) => after.length + waitsFor.length);
  const order = left.flatMap((count, node) => (count === 0 ? [node] : []));
  for (const node of order) {
    for (const dependent of at(dependents, node)) {
      left[dependent] = at(left, dependent) - 1;
      if (left[dependent] === 0) order.push(dependent);
    }
  }
  if (order.length < nodes.length) throw new Error("the graph has a cycle");
  return order;
}

/** How many jobs of a node have not ended. */
export function unfinishedOf({ total, completed, failed, cancelled }: NodeCounts): number {
  return total - completed - failed - cancelled;
}

/** The status that follows from the nodes: of a batch, that of its jobs, as soon as its callbacks have ended, too. */
export function flowStatusOf({
  graph,
  nodes,
  isCancelRequested,
}: Pick<FlowState, "graph" | "nodes" | "isCancelRequested">): FlowStatus {
  if (nodes.some(({ outcome }) => outcome === null)) return "running";
  if (isCancelRequested) return "cancelled";
  const deciding = graph.kind === "batch" ? nodes.slice(0, 1) : nodes;
  if (deciding.some(({ outcome }) => outcome === "failed")) return "failed";
  return deciding.some(({ outcome }) => outcome === "cancelled") ? "cancelled" : "completed";
}

/** A node's status as the API shows it. */
export type NodeStatus = "waiting" | "running" | NodeOutcome;

export function nodeStatusOf({ outcome, isStarted }: NodeState): NodeStatus {
  return outcome ?? (isStarted ? "running" : "waiting");
}

/** Counts of jobs as the API shows them; they add up to the total. */
export interface ViewCounts {
  /** Of nodes that have not started. */
  readonly waiting: number;
  /** Of nodes that have started: scheduled, queued, running or retrying. */
  readonly unfinished: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

export function viewCounts({ counts, isStarted }: Pick<NodeState, "counts" | "isStarted">): ViewCounts {
  const { completed, failed, cancelled } = counts;
  const rest = unfinishedOf(counts);
  return { waiting: isStarted ? 0 : rest, unfinished: isStarted ? rest : 0, completed, failed, cancelled };
}

/** The counts of all nodes together. */
export function totalsOf(nodes: readonly NodeState[]): ViewCounts & { readonly total: number } {
  const sum = { total: 0, waiting: 0, unfinished: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const node of nodes) {
    sum.total += node.counts.total;
    const counts = viewCounts(node);
    for (const name of Object.keys(counts) as (keyof ViewCounts)[]) sum[name] += counts[name];
  }
  return sum;
}

/** How many of a node's jobs have ended, 0 to 100; 100 only when all have. An empty batch has 100. */
export function progressOf({ counts }: Pick<NodeState, "counts">): number {
  const { total } = counts;
  return total === 0 ? 100 : Math.floor(((total - unfinishedOf(counts)) / total) * 100);
}
