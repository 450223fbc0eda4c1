/**
 * The path of submissions from the API to Redis. Submissions of durability postgres are committed in Postgres first:
 * commit → enqueue → answer.
 * If one job of a batch has this durability, the whole batch is committed: whatever fails after the commit, all of its
 * jobs run, or none, and the idempotency key committed with them belongs to exactly these jobs.
 */
import { at } from "../core/at.ts";
import { idsFrom, timeOfId } from "../core/id.ts";
import type { Submission } from "../core/job.ts";
import { CodedError, OutcomeUnknown, QueueUnavailable } from "../errors.ts";
import { outageOf, publicMessageOf } from "../observability/outage.ts";
import type { EnqueueDone, Enqueued, Submitted } from "../queue/enqueuer.ts";
import type { Queue } from "../queue/queue.ts";
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
  readonly store: Pick<Store, "among" | "committed">;
  /** After this long, the row of a finished job may be deleted. */
  readonly retentionMs: number;
}

const isDurable = ({ options }: Submission): boolean => options.durability === "postgres";

/** As {@link Queue.enqueue}, for submissions of any durability; `done` may be called a commit later. */
export function submissionPipeline(options: SubmissionPipelineOptions): Enqueue {
  const { queue } = options;
  return (submitted, done) => {
    const { submissions, idempotency } = submitted;
    if (!submissions.some(isDurable)) queue.enqueue(submitted, done);
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
    if (answer.kind === "committed") enqueueCommitted(queue, submitted, done);
    else if (answer.kind === "failed") done(answer);
    else if (!answer.isSameBody) done({ kind: "conflict", firstId: answer.firstId });
    else
      replayed(options, answer.firstId, submitted.ids.length).then(done, (error: unknown) =>
        done({ kind: "failed", error: unread(error) }),
      );
  });
}

function enqueueCommitted(queue: SubmissionPipelineOptions["queue"], submitted: Submitted, done: EnqueueDone): void {
  const sendBy = madeAt(submitted) + PIPELINE_MS;
  if (queue.clock.now() > sendBy) {
    done({ kind: "failed", error: committedOnly("it took too long to reach Redis") });
    return;
  }
  queue.enqueue({ ...submitted, sendBy }, (answer) => {
    if (answer.kind === "failed")
      done({ kind: "failed", error: committedOnly(publicMessageOf(answer.error), answer.error) });
    else if (answer.kind === "enqueued") done(answer);
    // Redis knows the key from another submission: a concurrent one of durability redis, or one that Postgres has
    // forgotten a moment before Redis. Committed jobs run, so the response names them.
    else enqueueCommitted(queue, { ids: submitted.ids, submissions: submitted.submissions }, done);
  });
}

/** Epoch ms of Redis, when the first id was made. */
function madeAt({ ids }: Submitted): number {
  return timeOfId(at(ids, 0));
}

function acceptanceOf({ ids, submissions, idempotency }: Submitted): Acceptance {
  const jobs = submissions.map((submission, i) => ({ id: at(ids, i), submission }));
  return idempotency ? { jobs, idempotency: { ...idempotency, firstId: at(ids, 0) } } : { jobs };
}

/**
 * The answer to a repeat whose key Postgres knows and Redis does not: the first try may have ended before the jobs
 * reached Redis. Each job that was committed with the key is in table `accepted` until its row is in `jobs`. Earlier
 * versions committed only the durable jobs of a batch, so the others may not exist.
 */
async function replayed(
  { queue, store, retentionMs }: SubmissionPipelineOptions,
  firstId: string,
  count: number,
): Promise<Enqueued> {
  if (timeOfId(firstId) <= queue.clock.now() - retentionMs) return { kind: "replayed", firstId };
  // This order misses no job that moves meanwhile: Redis forgets a job, and `accepted` loses it, only after its row is
  // in `jobs`.
  let lost = await queue.missing(idsFrom(firstId, count));
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
