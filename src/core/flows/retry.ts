/** Which jobs of an ended flow run again. */
import type { FlowState } from "./flow.ts";

/** A node that runs again. `unfinished`: of a batch, only its jobs that failed or were cancelled. */
export interface RetriedNode {
  readonly node: number;
  readonly jobs: "all" | "unfinished";
}

export interface RetriedJob {
  readonly id: string;
  /** The id of the job that runs again; absent for a job that the program adds. */
  readonly retryOf: string;
  readonly node: number;
}

/**
 * The nodes that run again.
 * @param state of a flow that has ended
 * @param from names of nodes; without it, all that failed or were cancelled
 * @returns an empty list if there is nothing to run again; the names in `from` that are no nodes
 */
export function nodesToRetry(
  _state: FlowState,
  _from?: readonly string[],
): { readonly nodes: readonly RetriedNode[] } | { readonly unknown: readonly string[] } {
  throw new Error("not written yet");
}

/**
 * The flow that runs again, under the same id: its state before `begin`, and its new jobs.
 * @param rerun for each node with `unfinished`: the ids of its jobs that failed or were cancelled
 * @param firstId the first of as many new ids as there are jobs
 */
export function retried(
  _state: FlowState,
  _nodes: readonly RetriedNode[],
  _rerun: ReadonlyMap<number, readonly string[]>,
  _firstId: string,
): { readonly state: FlowState; readonly jobs: readonly RetriedJob[] } {
  throw new Error("not written yet");
}
