/**
 * What follows from the end of jobs in a flow, as a function of its state. Redis decides the same in its scripts, node
 * by node; this is the reference for their tests, and a restore decides by it.
 *
 * A node that can no longer run is doomed: the caller cancels its jobs, and reports their end as that of any job. A node
 * that ends without having started is `skipped` if it was not needed, else `cancelled`.
 */
import { at } from "../at.ts";
import { causeOf, type Decision, decide } from "./decide.ts";
import type { DoomCode, FlowState, NodeCounts, NodeOutcome, NodeState } from "./flow.ts";
import { dependencyOrder, dependentsOf, flowStatusOf, freshNode, unfinishedOf } from "./graph.ts";

/** A node that can no longer run. */
interface DoomedNode {
  readonly node: number;
  readonly code: DoomCode;
  /** The id of the job that is the cause; null if there is none. */
  readonly cause: string | null;
}

export interface Cascade {
  readonly state: FlowState;
  /** Nodes whose jobs may run from now on. Those without jobs have ended already. */
  readonly start: readonly number[];
  /** Nodes whose jobs must be cancelled without having run, and their end reported. */
  readonly doom: readonly DoomedNode[];
  /** Nodes that have started, and whose unfinished jobs must be cancelled. */
  readonly stop: readonly number[];
}

/** Jobs of one node that have ended. */
export interface EndedJobs {
  readonly completed?: number;
  readonly failed?: number;
  readonly cancelled?: number;
  /** The id of the first of them that failed, else that was cancelled. */
  readonly cause?: string;
}

/** Starts what waits for nothing: in a new flow, or in one that runs again. */
export function begin(state: FlowState): Cascade {
  const run = runOf(state);
  state.graph.nodes.forEach((_, node) => run.pending.push(node));
  return cascaded(run);
}

/**
 * Counts jobs of a node that have ended.
 * @throws Error if the node has fewer jobs that have not ended
 */
export function endJobs(state: FlowState, node: number, ended: EndedJobs): Cascade {
  const run = runOf(state);
  count(run, node, ended);
  return cascaded(run);
}

/** Adds jobs to the first node of a batch. @throws Error if that has ended */
export function addJobs(state: FlowState, count: number): FlowState {
  const [first, ...others] = state.nodes;
  if (!first || first.outcome !== null) throw new Error("the batch has ended");
  const counts = { ...first.counts, total: first.counts.total + count };
  return { ...state, nodes: [{ ...first, counts }, ...others] };
}

/** Closes an open batch; changes nothing if it is closed. */
export function close(state: FlowState, closedBy: "caller" | "timeout"): Cascade {
  const run = runOf(state.isOpen ? { ...state, isOpen: false, closedBy } : state);
  if (state.isOpen) run.pending.push(0);
  return cascaded(run);
}

/**
 * Cancels whatever has not ended; of a batch, its jobs: their end decides about its callbacks. It closes an open batch.
 * Changes nothing after the end of the flow.
 */
export function requestCancel(state: FlowState): Cascade {
  if (state.status !== "running") return cascaded(runOf(state));
  const closed = state.isOpen ? ({ isOpen: false, closedBy: "caller" } as const) : {};
  const run = runOf({ ...state, ...closed, isCancelRequested: true });
  run.nodes.forEach(({ isStarted, outcome }, node) => {
    if (outcome !== null || (state.graph.kind === "batch" && node > 0)) return;
    if (isStarted) run.stop.push(node);
    run.pending.push(node);
  });
  return cascaded(run);
}

/**
 * The state of a flow, from its jobs that have ended. Whatever may run has started, and whatever can no longer run is
 * doomed; in a flow that has stopped, this includes nodes that had started and have not ended.
 * @param state of its nodes only the total of their jobs is read
 * @param ended by the index of the node
 */
export function stateOf(state: FlowState, ended: ReadonlyMap<number, EndedJobs>): FlowState {
  const nodes = state.nodes.map(({ counts }) => freshNode(counts.total));
  const run = runOf({ ...state, nodes, status: "running", finishedAt: null });
  for (const node of dependencyOrder(state.graph.nodes)) {
    const jobs = ended.get(node);
    run.pending.push(node);
    settlePending(run);
    if (jobs === undefined || at(run.nodes, node).outcome !== null) continue;
    // It has run, although the reason why it could no longer run came later
    if ((jobs.completed ?? 0) + (jobs.failed ?? 0) > 0) start(run, node);
    count(run, node, jobs);
    settlePending(run);
  }
  return cascaded(run).state;
}

interface Run {
  /** Its nodes are not read. */
  flow: FlowState;
  readonly nodes: NodeState[];
  readonly dependents: readonly (readonly number[])[];
  /** Nodes to look at: something that they wait for has changed. */
  readonly pending: number[];
  readonly start: number[];
  readonly doom: DoomedNode[];
  readonly stop: number[];
}

function runOf(state: FlowState): Run {
  const dependents = dependentsOf(state.graph.nodes);
  return { flow: state, nodes: [...state.nodes], dependents, pending: [], start: [], doom: [], stop: [] };
}

function cascaded(run: Run): Cascade {
  settlePending(run);
  const { flow, nodes, start, doom, stop } = run;
  const status = flowStatusOf({ ...flow, nodes });
  return { state: { ...flow, nodes, status }, start, doom, stop };
}

function settlePending(run: Run): void {
  for (let node = run.pending.shift(); node !== undefined; node = run.pending.shift()) {
    const { isStarted, outcome, doomed } = at(run.nodes, node);
    if (outcome === null && !isStarted && doomed === undefined)
      apply(run, node, decide({ ...run.flow, nodes: run.nodes }, node));
    finishIfDone(run, node);
  }
}

function apply(run: Run, node: number, decision: Decision): void {
  if (decision === "start") start(run, node);
  else if (decision !== "wait") {
    const { code, cause } = decision;
    run.nodes[node] = { ...at(run.nodes, node), doomed: code, cause };
    run.doom.push({ node, code, cause });
  }
}

function start(run: Run, node: number): void {
  const { counts, isStarted, cause, doomed } = at(run.nodes, node);
  if (isStarted) return;
  run.nodes[node] = { counts, isStarted: true, outcome: null, cause: doomed === undefined ? cause : null };
  run.start.push(node);
}

function count(run: Run, node: number, { completed = 0, failed = 0, cancelled = 0, cause }: EndedJobs): void {
  const state = at(run.nodes, node);
  const counts: NodeCounts = {
    total: state.counts.total,
    completed: state.counts.completed + completed,
    failed: state.counts.failed + failed,
    cancelled: state.counts.cancelled + cancelled,
  };
  if (state.outcome !== null || unfinishedOf(counts) < 0) throw new Error(`node ${node} has fewer unfinished jobs`);
  const isFirstFailure = failed > 0 && state.counts.failed === 0;
  const isCause = state.doomed === undefined && (state.cause === null || isFirstFailure);
  run.nodes[node] = { ...state, counts, ...(isCause && { cause: cause ?? null }) };
  run.pending.push(node);
  if (isFirstFailure) run.pending.push(...at(run.dependents, node));
}

function finishIfDone(run: Run, node: number): void {
  const { doomed, ...state } = at(run.nodes, node);
  const isOpen = run.flow.isOpen && node === 0;
  if (state.outcome !== null || isOpen || unfinishedOf(state.counts) > 0) return;
  if (!state.isStarted && doomed === undefined && state.counts.total === 0) return;
  const { maxFailures = 0 } = at(run.flow.graph.nodes, node);
  const outcome = outcomeOf(state, doomed, maxFailures);
  run.nodes[node] = { ...state, outcome };
  run.pending.push(...at(run.dependents, node));
  if (outcome === "failed" && run.flow.graph.onFailure === "stop" && run.flow.stoppedBy === undefined) {
    run.flow = { ...run.flow, stoppedBy: causeOf({ ...run.flow, nodes: run.nodes }, node) ?? run.flow.id };
    stopOthers(run);
  }
}

function outcomeOf(
  { isStarted, counts: { failed, cancelled } }: NodeState,
  doomed: DoomCode | undefined,
  maxFailures: number,
): NodeOutcome {
  if (!isStarted) return doomed === "not_needed" ? "skipped" : "cancelled";
  if (failed > maxFailures) return "failed";
  return failed + cancelled > maxFailures ? "cancelled" : "completed";
}

/** The flow has the rule "stop": looks at all nodes that have not started, and stops those that have. */
function stopOthers(run: Run): void {
  run.flow.graph.nodes.forEach(({ when }, node) => {
    const { isStarted, outcome } = at(run.nodes, node);
    if (outcome !== null) return;
    if (!isStarted) run.pending.push(node);
    else if (when === "succeeded") run.stop.push(node);
  });
}
