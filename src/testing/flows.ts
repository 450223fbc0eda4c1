/** Small flows for tests of the queue. */
import { begin } from "../core/flows/evaluate.ts";
import type { FlowGraph, FlowNode, FlowState, NewFlow, When } from "../core/flows/flow.ts";
import { memberOf, newState } from "../core/flows/graph.ts";
import { idAfter } from "../core/id.ts";
import type { Job, Submission } from "../core/job.ts";
import type { Enqueued, Submitted } from "../queue/enqueuer.ts";
import type { Queue } from "../queue/queue.ts";
import type { Settlement } from "../queue/settlement.ts";
import { enqueueRaw, settlement, submission } from "./queue.ts";

export interface TestNode {
  readonly name: string;
  /** Jobs of a batch; absent for a single job. */
  readonly batch?: number;
  readonly when?: When;
  /** Names. */
  readonly after?: readonly string[];
  readonly maxFailures?: number;
  readonly keeps?: true;
  /** Of its jobs. */
  readonly job?: Partial<Submission>;
}

/** @param nodes each after those that it names */
export function flowOf(
  queue: { readonly ids: { next(count: number): string } },
  nodes: readonly TestNode[],
  { kind = "flow", ...rest }: Partial<Omit<FlowGraph, "nodes">> = {},
): NewFlow {
  const id = queue.ids.next(1 + nodes.reduce((sum, { batch = 1 }) => sum + batch, 0));
  const names = nodes.map(({ name }) => name);
  let next = 1;
  const graph: FlowGraph = {
    kind,
    name: null,
    onFailure: "finish",
    ...rest,
    nodes: nodes.map(({ name, batch, when = "succeeded", after = [], maxFailures, keeps }): FlowNode => {
      const count = batch ?? 1;
      const first = idAfter(id, next);
      next += count;
      return {
        name,
        type: batch === undefined ? "noop" : null,
        when,
        after: after.map((other) => names.indexOf(other)),
        waitsFor: [],
        ids: count === 0 ? [] : [{ first, count }],
        ...(maxFailures !== undefined && { maxFailures }),
        ...(keeps && { keeps }),
      };
    }),
  };
  const jobs = nodes.flatMap(({ batch = 1, job }, i) =>
    Array.from({ length: batch }, () => jobOfNode(id, graph, i, job)),
  );
  return { id, graph, jobs: jobs.map((one, i) => ({ id: idAfter(id, 1 + i), submission: one })) };
}

/** A job that belongs to a node of a flow. */
export function jobOfNode(id: string, graph: FlowGraph, node: number, job: Partial<Submission> = {}): Submission {
  const made = submission(job);
  return { ...made, options: { ...made.options, flow: memberOf(id, graph, node, false) } };
}

export function submittedFlow({ id, graph, jobs }: NewFlow, more: Partial<Submitted> = {}): Submitted {
  return {
    ids: jobs.map((job) => job.id),
    submissions: jobs.map(({ submission: one }) => one),
    flow: { kind: "new", id, graph },
    ...more,
  };
}

export function enqueueFlow(queue: Queue, flow: NewFlow, more: Partial<Submitted> = {}): Promise<Enqueued> {
  return enqueueRaw(queue, submittedFlow(flow, more));
}

/** The state of a flow when it is enqueued. */
export function stateAtStart(flow: NewFlow): FlowState {
  return begin(newState(flow)).state;
}

/** By the name of the node: its outcome, "started", "doomed" or "waiting". */
export async function outcomesOf(queue: Queue, { id }: Pick<NewFlow, "id">): Promise<Record<string, string>> {
  const [state] = await queue.flows.read([id]);
  if (!state) throw new Error("Redis does not have the flow");
  return Object.fromEntries(
    state.graph.nodes.map(({ name }, i) => {
      const { outcome, isStarted, doomed } = state.nodes[i] ?? { outcome: null, isStarted: false };
      return [name, outcome ?? (isStarted ? "started" : doomed === undefined ? "waiting" : "doomed")];
    }),
  );
}

/** Settles jobs of flows as completed, or as `changes` say. */
export function settleMembers(queue: Queue, jobs: readonly Job[], changes: Partial<Settlement> = {}) {
  const settlements = jobs.map((job) => settlement(job, { flow: job.options.flow, ...changes }));
  return queue.settle(settlements, 30_000);
}
