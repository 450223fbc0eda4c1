/**
 * The path of submissions from the API to Redis. Submissions of durability postgres are committed in Postgres first:
 * commit → enqueue → answer.
 * If one job of a batch has this durability, the whole batch is committed: whatever fails after the commit, all of its
 * jobs run, or none, and the idempotency key committed with them belongs to exactly these jobs.
 */
import { at } from "../core/at.ts";
import { idAfter, idsFrom, timeOfId } from "../core/id.ts";
import type { Submission } from "../core/job.ts";
import { CodedError, OutcomeUnknown, QueueUnavailable } from "../errors.ts";
import { outageOf, publicMessageOf } from "../observability/outage.ts";
import type { EnqueueDone, Enqueued, Submitted } from "../queue/enqueuer.ts";
import { retryIdOf } from "../queue/flow-arguments.ts";
import type { SubmittedFlow } from "../queue/flow-fields.ts";
import type { Queue } from "../queue/queue.ts";
import type { AcceptedFlow } from "../results/acceptance-log/accepted-flows.ts";
import type { Acceptance, AcceptanceLogWriter } from "../results/acceptance-log/writer.ts";
import { ACCEPT_TIMEOUT_MS } from "../results/acceptance-log/writer.ts";
import type { Store } from "../results/store.ts";

/**
 * The replica that made an id enqueues it within this time, or leaves it to the restore, which relies on that: twice
 * the time of a commit, and one second to parse a large body.
 */
export const PIPELINE_MS = 2 * ACCEPT_TIMEOUT_MS + 1_000;

export type Enqueue = (submitted: Submitted, done: EnqueueDone) => void;

export interface SubmissionPipelineOptions {
  readonly queue: Pick<Queue, "clock" | "isReady" | "knownKey" | "enqueue" | "missing">;
  readonly acceptanceLogWriter: Pick<AcceptanceLogWriter, "accept">;
  readonly store: Pick<Store, "among" | "committed" | "withdraw">;
  /** After this long, the row of a finished job may be deleted. */
  readonly retentionMs: number;
}

function isDurable({ submissions, flow }: Submitted): boolean {
  return submissions.some(hasDurability) || (flow?.kind === "new" && flow.graph.isDurable === true);
}

const hasDurability = ({ options }: Submission): boolean => options.durability === "postgres";

/** As {@link Queue.enqueue}, for submissions of any durability; `done` may be called a commit later. */
export function submissionPipeline(options: SubmissionPipelineOptions): Enqueue {
  const { queue } = options;
  return (submitted, done) => {
    const { idempotency } = submitted;
    if (!isDurable(submitted)) queue.enqueue(submitted, done);
    // Rejected before anything is committed: no job runs for a caller who got an error.
    else if (!queue.isReady) done({ kind: "failed", error: new QueueUnavailable("Redis is away") });
    else if (!idempotency) commit(options, submitted, done);
    else {
      // Most repeats end here, and write nothing to Postgres. Only Redis knows the keys of durability redis.
      queue.knownKey(idempotency.key).then(
        (known) => {
          if (!known) commit(options, submitted, done);
          else
            done({
              kind: known.fingerprint === idempotency.fingerprint ? "replayed" : "conflict",
              firstId: known.firstId,
            });
        },
        (error: unknown) => done({ kind: "failed", error: unread(error) }),
      );
    }
  };
}

function commit(options: SubmissionPipelineOptions, submitted: Submitted, done: EnqueueDone): void {
  const { queue, acceptanceLogWriter } = options;
  if (queue.clock.now() - madeAt(submitted) > PIPELINE_MS - ACCEPT_TIMEOUT_MS) {
    const message = "This submission took too long to arrive; nothing was changed.";
    const error = new CodedError("store_unavailable", 503, message, { retryAfterMs: 2_000 });
    done({ kind: "failed", error });
    return;
  }
  acceptanceLogWriter.accept(acceptanceOf(submitted), (answer) => {
    if (answer.kind === "committed") enqueueCommitted(options, submitted, done);
    else if (answer.kind === "failed") done(answer);
    else if (!answer.isSameBody) done({ kind: "conflict", firstId: answer.firstId });
    else
      replayed(options, answer.firstId, submitted).then(done, (error: unknown) =>
        done({ kind: "failed", error: unread(error) }),
      );
  });
}

function enqueueCommitted(options: SubmissionPipelineOptions, submitted: Submitted, done: EnqueueDone): void {
  const { queue } = options;
  const sendBy = madeAt(submitted) + PIPELINE_MS;
  if (queue.clock.now() > sendBy) {
    done({ kind: "failed", error: committedOnly("it took too long to reach Redis") });
    return;
  }
  queue.enqueue({ ...submitted, sendBy }, (answer) => {
    if (answer.kind === "failed")
      done({ kind: "failed", error: committedOnly(publicMessageOf(answer.error), answer.error) });
    else if (answer.kind === "enqueued") done(answer);
    else if (answer.kind === "running" && submitted.flow?.kind === "new")
      done({ kind: "failed", error: committedOnly("Redis has not forgotten the flow yet") });
    else if (answer.kind !== "replayed" && answer.kind !== "conflict") withdraw(options, submitted, answer, done);
    // Redis knows the key from another submission: a concurrent one of durability redis, or one that Postgres has
    // forgotten a moment before Redis. Committed jobs run, so the response names them.
    else enqueueCommitted(options, { ...submitted, idempotency: undefined }, done);
  });
}

/** Jobs that were committed for a batch which Redis did not add them to, or for a retry that is refused, must not run. */
function withdraw(
  { store }: SubmissionPipelineOptions,
  { ids, idempotency, flow }: Submitted,
  answer: Enqueued,
  done: EnqueueDone,
): void {
  store.withdraw(flow?.id ?? "", ids, idempotency?.key).then(
    () => done(answer),
    // the restore withdraws them later, unless the batch is open then
    (error: unknown) => done({ kind: "failed", error: committedOnly(outageOf(error), error) }),
  );
}

/** Epoch ms of Redis, when the first id was made. */
function madeAt(submitted: Submitted): number {
  return timeOfId(submitted.ids[0] ?? firstIdOf(submitted));
}

/** The id that an idempotency key is stored with: that of the retry, of the new flow, or of the first job. */
function firstIdOf({ ids, flow }: Submitted): string {
  return retryIdOf(flow) ?? (flow?.kind === "new" ? flow.id : at(ids, 0));
}

function acceptanceOf(submitted: Submitted): Acceptance {
  const { ids, submissions, idempotency, flow } = submitted;
  return {
    jobs: submissions.map((submission, i) => ({ id: at(ids, i), submission })),
    ...(idempotency && { idempotency: { ...idempotency, firstId: firstIdOf(submitted) } }),
    ...(flow && flow.kind !== "prepare" && { flow: acceptedFlow(flow, ids) }),
  };
}

function acceptedFlow(flow: Exclude<SubmittedFlow, { kind: "prepare" }>, ids: readonly string[]): AcceptedFlow {
  const { id } = flow;
  if (flow.kind === "add") return { kind: "added", id, range: { first: at(ids, 0), count: ids.length } };
  const { graph, preset } = flow;
  return preset ? { kind: "retried", id, graph, nodes: preset.state.nodes } : { kind: "new", id, graph };
}

/**
 * The answer to a repeat whose key Postgres knows and Redis does not: the first try may have ended before the jobs
 * reached Redis. Each job that was committed with the key is in table `accepted` until its row is in `jobs`. Earlier
 * versions committed only the durable jobs of a batch, so the others may not exist.
 */
async function replayed(
  { queue, store, retentionMs }: SubmissionPipelineOptions,
  firstId: string,
  { ids, flow }: Submitted,
): Promise<Enqueued> {
  const count = ids.length;
  if (retryIdOf(flow) !== undefined) return { kind: "replayed", firstId }; // its row was committed with the key
  if (timeOfId(firstId) <= queue.clock.now() - retentionMs) return { kind: "replayed", firstId };
  // This order misses no job that moves meanwhile: Redis forgets a job, and `accepted` loses it, only after its row is
  // in `jobs`.
  let lost = await queue.missing(idsFrom(flow?.kind === "new" ? idAfter(firstId, 1) : firstId, count));
  if (lost.length > 0) lost = without(lost, await store.committed(lost));
  if (lost.length > 0) lost = without(lost, await store.among(lost));
  return lost.length === 0 ? { kind: "replayed", firstId } : { kind: "failed", error: lostJobs(lost, count), firstId };
}

function without(ids: readonly string[], found: ReadonlySet<string>): string[] {
  return ids.filter((id) => !found.has(id));
}

function lostJobs(lost: readonly string[], count: number): OutcomeUnknown {
  return new OutcomeUnknown(
    `This Idempotency-Key was used before, and ${lost.length} of its ${count} jobs are in neither Redis nor Postgres (the first is ${at(lost, 0)}): submit them under another key.`,
  );
}

/** The error of a failed read on behalf of a submission: nothing was changed. */
function unread(error: unknown): CodedError {
  if (error instanceof CodedError && !(error instanceof OutcomeUnknown)) return error;
  return new QueueUnavailable(
    `The jobs of this Idempotency-Key cannot be read now (${outageOf(error)}); nothing was changed.`,
    error,
  );
}

/** Nothing is lost, and a repeat would make another job, so the message does not suggest one. */
function committedOnly(reason: string, cause?: unknown): OutcomeUnknown {
  return new OutcomeUnknown(
    `This submission is stored in Postgres, but perhaps not in Redis yet (${reason}): TaskFlow enqueues it within a few minutes.`,
    cause,
  );
}
