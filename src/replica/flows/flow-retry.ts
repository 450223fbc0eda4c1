/**
 * Runs parts of an ended flow again, under the same id, as new jobs. The rest keeps its jobs, outcomes and results.
 *
 * One call enqueues up to 10,000 jobs, and with them the flow. Of a batch with more, the others are prepared before, part
 * by part: they wait for the flow, which starts them. If it never comes, since this replica died or Redis lost them, the
 * flow stays as it has ended, and a keeper cancels what was prepared (flow-cancellations.ts).
 */
import { setTimeout as delay } from "node:timers/promises";
import { at } from "../../core/at.ts";
import { MAX_JOBS } from "../../core/body.ts";
import { begin } from "../../core/flows/evaluate.ts";
import type { FlowState, IdRange } from "../../core/flows/flow.ts";
import { joiner } from "../../core/flows/graph.ts";
import { between, countOf, idsIn, rangesOf, without } from "../../core/flows/id-ranges.ts";
import type { IdsToRetry, RetriedNode } from "../../core/flows/retry.ts";
import { idsToRetry, nodesToRetry, retried } from "../../core/flows/retry.ts";
import { idsFrom } from "../../core/id.ts";
import type { Submission } from "../../core/job.ts";
import { sizeOf } from "../../core/payload.ts";
import { LOST_PAYLOAD } from "../../core/resubmission.ts";
import { CodedError } from "../../errors.ts";
import type { Enqueued, Submitted } from "../../queue/enqueuer.ts";
import type { FlowPreset } from "../../queue/flow-fields.ts";
import type { Queue } from "../../queue/queue.ts";
import type { FlowStore } from "../../results/flows/flow-store.ts";
import type { FinishedSubmission } from "../../results/flows/retried-job.ts";

/** Rows that one statement reads. */
const PAGE = 500;
/** Ids of failed jobs that one statement finds. */
const MAX_FOUND = 10_000;
/** Jobs that are prepared with one call, and about the bytes of their payloads. */
const PART = 2_000;
const MAX_PART_BYTES = 4 * 1024 * 1024;
/** Ranges of ids that a node may have after a retry. Each has 42 bytes, and every read of the flow reads them all. */
const MAX_RANGES = 10_000;
/** A recorder writes what has just ended within a fraction of a second. */
const RECORDING_MS = 2_000;
const LOOK_AGAIN_MS = 50;

export interface RetryParts {
  readonly queue: Pick<Queue, "ids"> & { readonly flows: Pick<Queue["flows"], "dropPrepared"> };
  readonly flowStore: Pick<FlowStore, "jobIds" | "finished" | "rows">;
  readonly enqueue: (submitted: Submitted) => Promise<Enqueued>;
  /** Called with jobs that run again, once they are accepted. */
  readonly onAccepted?: ((submissions: readonly Submission[]) => void) | undefined;
}

/**
 * Tries again for a while if rows are missing: the last jobs of a flow that has just ended are about to be recorded.
 * @param state of a flow that has ended @param from names of nodes
 */
export async function retry(parts: RetryParts, state: FlowState, from: readonly string[] | undefined): Promise<void> {
  const deadline = performance.now() + RECORDING_MS;
  for (;;) {
    try {
      await retryRecorded(parts, state, from);
      return;
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

function runsAgain(id: string): CodedError {
  return new CodedError(
    "flow_running",
    409,
    `The flow ${id} runs again already, or another retry of it is being prepared.`,
  );
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

async function retryRecorded(parts: RetryParts, state: FlowState, from: readonly string[] | undefined): Promise<void> {
  const picked = nodesToRetry(state, from);
  if ("unknown" in picked) throw notRetryable("validation_failed", 422, `The flow has no node ${picked.unknown[0]}.`);
  const { nodes } = picked;
  if (nodes.length === 0)
    throw notRetryable("nothing_to_retry", 409, `The flow ${state.id} has no job that failed or was cancelled.`);
  const again = idsToRetry(state, nodes, await unfinishedJobs(parts, state, nodes));
  const count = [...again.values()].reduce((sum, ids) => sum + countOf(ids), 0);
  for (const [node, ids] of again) checkRanges(state, node, ids);
  const retryId = parts.queue.ids.next(1);
  const most = count > MAX_JOBS ? PART : MAX_JOBS;
  const newIds: IdRange[] = [];
  try {
    for (let position = 0; count - position > most; position = countOf(newIds)) {
      const flow = { kind: "prepare", id: state.id, retryId, position } as const;
      newIds.push(await prepare(parts, state, jobsAt(again, position, Math.min(PART, count - most - position)), flow));
    }
    await start(parts, state, again, { retryId, newIds });
  } catch (error) {
    if (newIds.length > 0) await parts.queue.flows.dropPrepared(state.id, retryId).catch(() => undefined); // or a minute later
    throw error;
  }
}

/** A job that runs again, and its node. */
interface EarlierJob {
  readonly id: string;
  readonly node: number;
}

/** The jobs at these positions of all that run again. */
function jobsAt(again: IdsToRetry, from: number, count: number): EarlierJob[] {
  let before = 0;
  return [...again].flatMap(([node, ids]) => {
    const found = between(ids, from - before, count);
    before += countOf(ids);
    return idsIn(found).map((id) => ({ id, node }));
  });
}

/** @returns the ids of the new jobs: for as many of the jobs, from the first on, as fit into memory together */
async function prepare(
  parts: RetryParts,
  state: FlowState,
  jobs: readonly EarlierJob[],
  flow: Submitted["flow"],
): Promise<IdRange> {
  const submissions = await submissionsOf(parts, state, jobs, MAX_PART_BYTES);
  const count = submissions.length;
  const first = parts.queue.ids.next(count);
  const answer = await parts.enqueue({ ids: idsFrom(first, count), submissions, flow });
  if (answer.kind === "failed") throw answer.error;
  if (answer.kind !== "enqueued") throw runsAgain(state.id);
  parts.onAccepted?.(submissions);
  return { first, count };
}

/** Enqueues the flow, with the jobs that are not prepared. */
async function start(
  parts: RetryParts,
  state: FlowState,
  again: IdsToRetry,
  { retryId, newIds }: { readonly retryId: string; readonly newIds: readonly IdRange[] },
): Promise<void> {
  const prepared = countOf(newIds);
  const submissions = await submissionsOf(parts, state, jobsAt(again, prepared, MAX_JOBS));
  const count = submissions.length;
  const own = count === 0 ? [] : [{ first: parts.queue.ids.next(count), count }];
  const next = retried(state, again, [...newIds, ...own]);
  const ahead = prepared > 0 && { prepared, mayWait: true };
  const answer = await parts.enqueue({
    ids: idsIn(own),
    submissions,
    flow: {
      kind: "new",
      id: state.id,
      graph: next.graph,
      preset: { ...(await presetOf(parts, next)), retryId, ...ahead },
    },
  });
  switch (answer.kind) {
    case "enqueued":
      parts.onAccepted?.(submissions);
      return;
    case "replayed":
    case "conflict":
      throw new RetriedBefore();
    case "failed":
      throw answer.error;
    case "running":
    case "closed":
    case "full":
    case "missing":
      throw runsAgain(state.id);
  }
}

function notRetryable(code: string, status: number, message: string): CodedError {
  return new CodedError(code, status, message);
}

/** Throws if the jobs that the node keeps would have too many ranges of ids. */
function checkRanges({ graph }: FlowState, node: number, ids: readonly IdRange[]): void {
  const { length } = without(at(graph.nodes, node).ids, ids);
  if (length <= MAX_RANGES) return;
  const message = `The jobs that run again are scattered over ${length} places among those that have completed; a retry allows ${MAX_RANGES}.`;
  throw notRetryable("job_not_retryable", 409, message);
}

/** Of the nodes of which only some jobs run again: the ids of these. */
async function unfinishedJobs(
  { flowStore }: RetryParts,
  state: FlowState,
  nodes: readonly RetriedNode[],
): Promise<IdsToRetry> {
  const found = new Map<number, readonly IdRange[]>();
  for (const { node, jobs } of nodes) {
    if (jobs === "all") continue;
    const status = ["failed", "cancelled"] as const;
    const ranges: IdRange[] = [];
    let after: string | undefined;
    do {
      const options = { status, limit: MAX_FOUND, ...(after !== undefined && { after }) };
      const ids = await flowStore.jobIds(at(state.graph.nodes, node).ids, options);
      ranges.push(...rangesOf(ids));
      after = ids.length < MAX_FOUND ? undefined : ids.at(-1);
    } while (after !== undefined);
    const { failed, cancelled } = at(state.nodes, node).counts;
    if (countOf(ranges) < failed + cancelled) throw new RowsMissing(state);
    found.set(node, ranges);
  }
  return found;
}

/**
 * The submissions of jobs that have ended.
 * @param maxBytes of payloads: those of further pages are left out
 */
async function submissionsOf(
  { flowStore }: RetryParts,
  state: FlowState,
  jobs: readonly EarlierJob[],
  maxBytes = Infinity,
): Promise<Submission[]> {
  const { id, graph } = state;
  const joiners = new Map<number, ReturnType<typeof joiner>>();
  const submissions: Submission[] = [];
  let bytes = 0;
  for (let first = 0; first < jobs.length && bytes < maxBytes; first += PAGE) {
    const page = jobs.slice(first, first + PAGE);
    const rows = await flowStore.finished(page.map((job) => job.id));
    const byId = new Map(rows.map((row) => [row.id, row]));
    for (const job of page) {
      const { submission, hasReferences } = retryable(state, job, byId.get(job.id));
      const join = joiners.get(job.node) ?? joiner(id, graph, job.node);
      joiners.set(job.node, join);
      submissions.push(join(submission, hasReferences));
      bytes += sizeOf(submission.payload);
    }
  }
  return submissions;
}

/** Throws if the job cannot run again. */
function retryable(state: FlowState, { id }: EarlierJob, row: FinishedSubmission | undefined): FinishedSubmission {
  if (!row) throw new RowsMissing(state);
  if (row.isErased) throw notRetryable("payload_erased", 409, `The payload of the job ${id} is erased.`);
  if (LOST_PAYLOAD.includes(row.errorCode ?? ""))
    throw notRetryable("job_not_retryable", 409, `The payload of the job ${id} is lost.`);
  return row;
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
