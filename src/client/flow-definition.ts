/** Flows and batches to submit, and their JSON. */
import type { JobOptions } from "./contract.ts";
import type { Submission } from "./submission.ts";
import { wireOf } from "./wire.ts";

/**
 * A job that follows others. A value `{ $ref: "NODE/result/…" }` in its payload, or `${NODE.result.…}` in a string, is
 * replaced by the result of an earlier node.
 */
export type FollowingJob = JobOptions & { readonly type: string; readonly payload: object };

/** What runs after a job; the server makes a flow of all of them. */
export interface ThenOptions {
  /** Jobs that run when the job has completed. They refer to its result without a node: `${result.link}`. */
  readonly then?: readonly FollowingJob[] | undefined;
  /** Jobs that run when the job has failed or was cancelled. They refer to its error: `${error.message}`. */
  readonly onFailure?: readonly FollowingJob[] | undefined;
}

/** The place of a node in a flow. */
export interface NodePlace {
  /** The names of the nodes that it waits for. */
  readonly after?: readonly string[] | undefined;
  /**
   * `succeeded` (default): it runs when all of `after` have completed. `failed`: when all have ended, and one has failed
   * or was cancelled. `ended`: when all have ended.
   */
  readonly when?: "succeeded" | "failed" | "ended" | undefined;
}

/** A node with many jobs. */
export interface BatchNode extends NodePlace {
  readonly batch: readonly FollowingJob[];
  /** The node has failed when more than so many of its jobs have failed. Default: 0. */
  readonly maxFailures?: number | undefined;
}

export type FlowNodeDefinition = (FollowingJob & NodePlace) | BatchNode;

export interface FlowDefinition {
  readonly name?: string | undefined;
  /** `stop`: after a failure, nothing more starts except nodes with `when` `failed` or `ended`. Default: `finish`. */
  readonly onFailure?: "finish" | "stop" | undefined;
  /** The nodes by their names. */
  readonly jobs: Readonly<Record<string, FlowNodeDefinition>>;
}

export interface BatchDefinition {
  readonly name?: string | undefined;
  /** Further jobs can be added with `add`, until it is closed. */
  readonly open?: boolean | undefined;
  /** When an open batch that nobody closes closes itself. Default: after 24 hours. */
  readonly closeAfterMs?: number | undefined;
  /** The batch has failed when more than so many of its jobs have failed. Default: 0. */
  readonly maxFailures?: number | undefined;
  readonly onSuccess?: FollowingJob | undefined;
  readonly onComplete?: FollowingJob | undefined;
  readonly onFirstFailure?: FollowingJob | undefined;
}

/** A flow by the API's names; payloads stay as they are. */
export function flowWire({ jobs, ...options }: FlowDefinition): object {
  return {
    ...wireOf(options),
    jobs: Object.fromEntries(Object.entries(jobs).map(([name, node]) => [name, nodeWire(node)])),
  };
}

function nodeWire(node: FlowNodeDefinition): object {
  if (!("batch" in node)) return jobWire(node);
  const { batch, ...place } = node;
  return { ...wireOf(place), batch: batch.map(jobWire) };
}

/** A batch without its jobs, by the API's names. */
export function batchWire({ onSuccess, onComplete, onFirstFailure, ...options }: BatchDefinition): object {
  return {
    ...wireOf(options),
    on_success: onSuccess && jobWire(onSuccess),
    on_complete: onComplete && jobWire(onComplete),
    on_first_failure: onFirstFailure && jobWire(onFirstFailure),
  };
}

/** A job by the API's names; its payload, and those of the jobs after it, stay as they are. */
export function jobWire({ type, payload, then, onFailure, ...options }: Submission & ThenOptions): object {
  return {
    type,
    payload,
    ...wireOf(options),
    // biome-ignore lint/suspicious/noThenProperty: the name of the API
    ...(then !== undefined && { then: then.map(jobWire) }),
    ...(onFailure !== undefined && { on_failure: onFailure.map(jobWire) }),
  };
}
