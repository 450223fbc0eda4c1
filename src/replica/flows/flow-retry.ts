/** Runs parts of an ended flow again, under the same id, as new jobs. The rest keeps its jobs, outcomes and results. */
import { setTimeout as delay } from "node:timers/promises";
import { at } from "../../core/at.ts";
import { MAX_JOBS } from "../../core/body.ts";
import { begin } from "../../core/flows/evaluate.ts";
import type { FlowGraph, FlowState } from "../../core/flows/flow.ts";
import { joiner } from "../../core/flows/graph.ts";
import type { RetriedJob, RetriedNode } from "../../core/flows/retry.ts";
import { nodesToRetry, retried } from "../../core/flows/retry.ts";
import type { Submission } from "../../core/job.ts";
import { LOST_PAYLOAD } from "../../core/resubmission.ts";
import { CodedError } from "../../errors.ts";
import type { Enqueued, Submitted } from "../../queue/enqueuer.ts";
import type { FlowPreset } from "../../queue/flow-fields.ts";
import type { Queue } from "../../queue/queue.ts";
import type { FlowStore } from "../../results/flows/flow-store.ts";
import type { FinishedSubmission } from "../../results/flows/retried-job.ts";

/** Rows that one statement reads. */
const PAGE = 500;
/** A recorder writes what has just ended within a fraction of a second. */
const RECORDING_MS = 2_000;
const LOOK_AGAIN_MS = 50;

export interface RetryParts {
  readonly queue: Pick<Queue, "ids">;
  readonly flowStore: Pick<FlowStore, "jobIds" | "finished" | "rows">;
  readonly enqueue: (submitted: Submitted) => Promise<Enqueued>;
}

/**
 * Tries again for a while if rows are missing: the last jobs of a flow that has just ended are about to be recorded.
 * @param state of a flow that has ended @param from names of nodes @returns the jobs that run again
 */
export async function retry(
  parts: RetryParts,
  state: FlowState,
  from: readonly string[] | undefined,
): Promise<readonly Submission[]> {
  const deadline = performance.now() + RECORDING_MS;
  for (;;) {
    try {
      return await retryRecorded(parts, state, from);
    } catch (error) {
      if (!(error instanceof RowsMissing) || performance.now() > deadline) throw error;
      await delay(LOOK_AGAIN_MS);
    }
  }
}

/** The Idempotency-Key of this retry is known: a concurrent request was earlier. */
class RetriedBefore extends CodedError {
  constructor() {
    super("flow_running", 409, "An earlier request with this Idempotency-Key has made the flow run again.");
  }
}

export function flowRunning(id: string): CodedError {
  return new CodedError("flow_running", 409, `The flow ${id} has not ended. Cancel it first, or wait for its end.`);
}

/** Rows of jobs that should run again are missing. */
class RowsMissing extends CodedError {
  constructor({ id }: FlowState) {
    super(
      "job_not_retryable",
      409,
      `Some jobs of the flow ${id} have no row in Postgres: they are past their retention, or not recorded yet.`,
    );
  }
}

async function retryRecorded(
  parts: RetryParts,
  state: FlowState,
  from: readonly string[] | undefined,
): Promise<readonly Submission[]> {
  const picked = nodesToRetry(state, from);
  if ("unknown" in picked) throw notRetryable("validation_failed", 422, `The flow has no node ${picked.unknown[0]}.`);
  const { nodes } = picked;
  if (nodes.length === 0)
    throw notRetryable("nothing_to_retry", 409, `The flow ${state.id} has no job that failed or was cancelled.`);
  const unfinished = await unfinishedJobs(parts, state, nodes);
  const count = nodes.reduce((sum, { node, jobs }) => sum + jobsOf(state, node, jobs, unfinished), 0);
  if (count > MAX_JOBS)
    throw notRetryable("job_not_retryable", 409, `${count} jobs would run again; a retry runs ${MAX_JOBS} at most.`);
  const retryId = parts.queue.ids.next(Math.max(1, count));
  const { state: next, jobs } = retried(state, nodes, unfinished, retryId);
  const submissions = await submissionsOf(parts, next, jobs);
  const answer = await parts.enqueue({
    ids: jobs.map(({ id }) => id),
    submissions,
    flow: { kind: "new", id: state.id, graph: next.graph, preset: { ...(await presetOf(parts, next)), retryId } },
  });
  switch (answer.kind) {
    case "enqueued":
      return submissions;
    case "replayed":
    case "conflict":
      throw new RetriedBefore();
    case "failed":
      throw answer.error;
    case "running":
    case "closed":
    case "full":
    case "missing":
      throw flowRunning(state.id);
  }
}

function notRetryable(code: string, status: number, message: string): CodedError {
  return new CodedError(code, status, message);
}

function jobsOf(
  { nodes }: FlowState,
  node: number,
  which: RetriedNode["jobs"],
  unfinished: ReadonlyMap<number, readonly string[]>,
): number {
  return which === "all" ? at(nodes, node).counts.total : (unfinished.get(node)?.length ?? 0);
}

/** Of the nodes of which only some jobs run again: the ids of these, up to one more than may run again. */
async function unfinishedJobs(
  { flowStore }: RetryParts,
  state: FlowState,
  nodes: readonly RetriedNode[],
): Promise<Map<number, readonly string[]>> {
  const found = new Map<number, readonly string[]>();
  for (const { node, jobs } of nodes) {
    if (jobs === "all") continue;
    const status = ["failed", "cancelled"] as const;
    const ids = await flowStore.jobIds(at(state.graph.nodes, node).ids, { status, limit: MAX_JOBS + 1 });
    const { failed, cancelled } = at(state.nodes, node).counts;
    if (ids.length < Math.min(MAX_JOBS + 1, failed + cancelled)) throw new RowsMissing(state);
    found.set(node, inOrder(state.graph, node, ids));
  }
  return found;
}

/** In the order of the node's ranges. */
function inOrder({ nodes }: FlowGraph, node: number, ids: readonly string[]): readonly string[] {
  const ranges = at(nodes, node).ids;
  const rankOf = (id: string): number =>
    ranges.findLastIndex(({ first }) => first.slice(0, 28) === id.slice(0, 28) && first <= id);
  const isRising = ranges.every(({ first }, i) => i === 0 || at(ranges, i - 1).first < first);
  return isRising ? ids : [...ids].sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
}

async function submissionsOf(
  { flowStore }: RetryParts,
  state: FlowState,
  jobs: readonly RetriedJob[],
): Promise<Submission[]> {
  const { id, graph } = state;
  const byId = new Map<string, FinishedSubmission>();
  for (let first = 0; first < jobs.length; first += PAGE) {
    const ids = jobs.slice(first, first + PAGE).map(({ retryOf }) => retryOf);
    for (const finished of await flowStore.finished(ids)) byId.set(finished.id, finished);
  }
  const joiners = new Map<number, ReturnType<typeof joiner>>();
  return jobs.map(({ retryOf, node }) => {
    const finished = byId.get(retryOf);
    if (!finished) throw new RowsMissing(state);
    if (finished.isErased) throw notRetryable("payload_erased", 409, `The payload of the job ${retryOf} is erased.`);
    if (LOST_PAYLOAD.includes(finished.errorCode ?? ""))
      throw notRetryable("job_not_retryable", 409, `The payload of the job ${retryOf} is lost.`);
    const join = joiners.get(node) ?? joiner(id, graph, node);
    joiners.set(node, join);
    return join(finished.submission, finished.hasReferences);
  });
}

async function presetOf({ flowStore }: RetryParts, next: FlowState): Promise<FlowPreset> {
  const { state } = begin(next);
  const ended = new Map(
    state.nodes.flatMap(({ outcome, counts, cause }, node) =>
      outcome === null ? [] : [[node, { ...counts, ...(cause !== null && { cause }) }] as const],
    ),
  );
  const kept = await flowStore.rows.kept(next.graph, ended);
  const isExpected = (node: number, { failed }: { readonly failed: number }): boolean => {
    const { keeps, type } = at(next.graph.nodes, node);
    return keeps === true && (type !== null || failed > 0);
  };
  if (kept.length < [...ended].filter(([node, counts]) => isExpected(node, counts)).length) throw new RowsMissing(next);
  return { state, kept };
}
