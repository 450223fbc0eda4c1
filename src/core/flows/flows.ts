/** Flows as the API uses them: the interface that `src/replica/flows/` implements. */
import type { JobView, Status, Submission } from "../job.ts";
import type { FlowKind, FlowState, FlowStatus, NewFlow } from "./flow.ts";

export interface FlowFilter {
  readonly status?: readonly FlowStatus[];
  readonly name?: string;
  readonly kind?: readonly FlowKind[];
  readonly limit: number;
  /** Only ids below this one. */
  readonly below?: string;
}

export interface FlowPage {
  /** Newest first. With a filter there may be fewer than `limit`, or none, before the last page. */
  readonly flows: readonly FlowState[];
  /** The next page has the ids below this one; null on the last page. */
  readonly next: string | null;
}

export interface FlowJobsFilter {
  readonly status?: readonly Status[];
  /** The name of a node. */
  readonly node?: string;
  readonly limit: number;
  /** Only ids after this one. */
  readonly after?: string;
}

export interface FlowJobsPage {
  /** In the order of ids: as they were submitted. */
  readonly jobs: readonly JobView[];
  readonly next: string | null;
}

export interface FlowSubmission {
  readonly flow: NewFlow;
  readonly idempotency?: { readonly key: string; readonly fingerprint: string; readonly ttlMs: number } | undefined;
}

/** replayed: an earlier request with this key has added the jobs. */
export interface AddedJobs {
  readonly kind: "accepted" | "replayed";
  readonly ids: readonly string[];
}

/** accepted · replayed: an earlier request with this key made the flow `id` · conflict: one with another body. */
export type FlowSubmitted = { readonly kind: "accepted" | "replayed" | "conflict"; readonly id: string };

export interface RetryOptions {
  readonly from?: readonly string[];
  readonly idempotency?: FlowSubmission["idempotency"];
  /** Called with the jobs that run again, once they are accepted: to charge them. */
  readonly onAccepted?: ((submissions: readonly Submission[]) => void) | undefined;
}

/** replayed: an earlier request with this key made the flow run again; it may have ended since. */
export interface RetriedFlow {
  readonly kind: "accepted" | "replayed";
  readonly state: FlowState;
}

/** Every call throws CodedError: `flow_not_found` (also for a batch), `queue_unavailable`, `store_unavailable` … */
export interface Flows {
  /** Enqueues a flow as a whole; with durability `postgres` it is committed there first. */
  submit(submission: FlowSubmission): Promise<FlowSubmitted>;
  /** Adds jobs to the first node of a batch that is open, or while `from`, a job of it, runs. */
  add(
    id: string,
    submissions: readonly Submission[],
    options: { readonly from?: string; readonly idempotency?: FlowSubmission["idempotency"] },
  ): Promise<AddedJobs>;
  close(id: string): Promise<FlowState>;
  get(id: string): Promise<FlowState | undefined>;
  list(filter: FlowFilter): Promise<FlowPage>;
  jobs(id: string, filter: FlowJobsFilter): Promise<FlowJobsPage | undefined>;
  /** Drops what Redis keeps of these nodes: jobs of the flow that refer to it, and have not run, fail. */
  dropResults(id: string, nodes: readonly number[]): Promise<void>;
  /** Cancels whatever has not ended. The jobs are cancelled after the answer. */
  cancel(id: string): Promise<FlowState>;
  /**
   * Runs again, as new jobs: whatever failed, was cancelled, or waited for those; with `from` these nodes and what
   * comes after them. Throws `flow_running` before its end, `nothing_to_retry` if everything has completed, and
   * `idempotency_key_reused` if the key was used for another retry.
   */
  retry(id: string, options: RetryOptions): Promise<RetriedFlow>;
}
