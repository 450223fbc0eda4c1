/**
 * Flows: jobs that belong together. A batch is a flow whose first node has all of its jobs, and whose callbacks are nodes
 * after it; a job with `then` or `on_failure` is a flow whose first node is that job. So one mechanism runs all three.
 *
 *   node:  waiting ──all it waits for has ended──▶ started ──all its jobs have ended──▶ ended
 *             └─────────it can no longer run─────▶ ended (its jobs: cancelled)
 */
import type { Submission } from "../job.ts";

export const FLOW_KINDS = ["flow", "batch", "then"] as const;
export type FlowKind = (typeof FLOW_KINDS)[number];

export const FLOW_STATUSES = ["running", "completed", "failed", "cancelled"] as const;
export type FlowStatus = (typeof FLOW_STATUSES)[number];

/**
 * succeeded: after all of `after` have completed · failed: after all have ended, one of them failed or cancelled ·
 * ended: after all have ended · first_failure: when the first job of the batch in `after` has failed (only the callback
 * `on_first_failure` of a batch)
 */
export type When = "succeeded" | "failed" | "ended" | "first_failure";

/** skipped: it was not needed, because what it waits for neither failed nor was cancelled. */
export type NodeOutcome = "completed" | "failed" | "cancelled" | "skipped";

/** What a job's options say about the flow that it belongs to. Short, since each job in Redis has it. */
export interface FlowMember {
  /** The id of the flow or batch. */
  readonly id: string;
  /** The index of its node. */
  readonly at: number;
  /** The name of its node; absent for the jobs of a batch that is no node of a flow. */
  readonly node?: string;
  /** The id is that of a batch. */
  readonly batch?: true;
  /** Other nodes refer to its result or error: Redis keeps these until the flow ends. */
  readonly keeps?: true;
  /** Its payload has references, which are resolved before it runs. */
  readonly refs?: true;
}

/** The ids of jobs that were submitted together: `first`, and those that count up from it. */
export interface IdRange {
  readonly first: string;
  readonly count: number;
}

export interface FlowNode {
  /** Unique in the flow. The first node of a batch is `jobs`, of a job with `then` it is `job`. */
  readonly name: string;
  /** The job type; null for a batch. */
  readonly type: string | null;
  readonly when: When;
  /** Indexes of the nodes whose outcomes decide whether it runs. */
  readonly after: readonly number[];
  /** Indexes of further nodes that must have ended before it starts, whatever their outcome: it refers to them. */
  readonly waitsFor: readonly number[];
  /** Its jobs: one, or those of a batch (none for an empty batch). */
  readonly ids: readonly IdRange[];
  /** Of a batch: it has failed when more than so many of its jobs have failed. */
  readonly maxFailures?: number;
  /** The program has added it: it writes the results of the batch with this index to an artifact. */
  readonly resultsOf?: number;
  /** Other nodes refer to its result or its error. Of a batch only to the error: its result is that of `resultsOf`. */
  readonly keeps?: true;
}

/** What does not change while a flow runs, except that an open batch gets more ids, and a retry other ids. */
export interface FlowGraph {
  readonly kind: FlowKind;
  readonly name: string | null;
  readonly onFailure: "finish" | "stop";
  readonly nodes: readonly FlowNode[];
  /** Epoch ms: when an open batch closes itself; absent if it was submitted closed. */
  readonly closesAt?: number;
  /** The API key that submitted it; absent without keys. */
  readonly apiKey?: string;
  /** The scope that a caller needs to retry it, beside the one of the call: some of its jobs read or change others. */
  readonly scope?: "read" | "admin";
  /** Whether the jobs are of durability `postgres`: the graph is in Postgres before Redis has it. */
  readonly isDurable?: true;
}

/** A node of a flow that has no ids yet. */
export interface DraftNode extends Omit<FlowNode, "ids"> {
  /** How many of the submissions are its jobs; 0 for a node that the program has added. */
  readonly jobs: number;
  /** Indexes, among its jobs, of those whose payload has references; absent if there is none. */
  readonly refs?: readonly number[];
}

/** A flow that was checked and has no ids yet ({@link withIds} in graph.ts). Its submissions follow the nodes. */
export interface FlowDraft extends Omit<FlowGraph, "nodes" | "closesAt" | "apiKey"> {
  readonly nodes: readonly DraftNode[];
  /** Of an open batch: it closes itself so long after its submission. */
  readonly closeAfterMs?: number;
}

/** A flow that is about to be enqueued. Its id is the first of `1 + jobs` consecutive ids; the jobs follow by node. */
export interface NewFlow {
  readonly id: string;
  readonly graph: FlowGraph;
  /** In the order of nodes, and of the jobs in a node. */
  readonly jobs: readonly { readonly id: string; readonly submission: Submission }[];
}

/** The number of jobs of a node, and of those that have ended, by their status. */
export interface NodeCounts {
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

export interface NodeState {
  readonly counts: NodeCounts;
  /** Whether its jobs may run: all it waits for has ended. */
  readonly isStarted: boolean;
  readonly outcome: NodeOutcome | null;
  /**
   * The id of the job because of which it can no longer run; of a batch that has started, that of the first of its jobs
   * that failed, else that was cancelled. Null if there is none.
   */
  readonly cause: string | null;
  /** Present while its jobs are being cancelled because it can no longer run: the reason. */
  readonly doomed?: DoomCode;
}

/**
 * dependency_failed: what it comes after has not completed, or the flow has stopped · not_needed: nothing that it comes
 * after has failed · cancelled: somebody has cancelled the flow. The `error.code` of its jobs.
 */
export type DoomCode = "dependency_failed" | "not_needed" | "cancelled";

/** A flow as Redis has it, or as its row in Postgres tells after its end. */
export interface FlowState {
  readonly id: string;
  readonly graph: FlowGraph;
  /** By the index of the node. */
  readonly nodes: readonly NodeState[];
  readonly status: FlowStatus;
  /** Of an open batch; false for all others. */
  readonly isOpen: boolean;
  /** Why an open batch is closed; null while it is open, and for one that was never open. */
  readonly closedBy: "caller" | "timeout" | null;
  /** Whether somebody has cancelled it as a whole. */
  readonly isCancelRequested: boolean;
  /** Epoch ms; null while it runs. */
  readonly finishedAt: number | null;
  /** Present once a node has failed, if the rule of the flow is "stop": the id of the job that is the cause. */
  readonly stoppedBy?: string;
}
