/**
 * What every call that waits for an answer hands its submissions to. Those that ask for durability postgres are
 * committed there first: commit → enqueue → answer. A batch of which one job asks for it is committed as a whole: whatever fails
 * after the commit, all of its jobs run, or none, and the key that is committed with them answers for nothing else.
 */
import { idsFrom, timeOfId } from "../core/id.ts";
import type { Submission } from "../core/job.ts";
import { OutcomeUnknown, QueueUnavailable, TaskFlowError } from "../errors.ts";
import { outageOf, publicMessageOf } from "../observability/outage.ts";
import type { EnqueueDone, Enqueued, Submitted } from "../queue/enqueuer.ts";
import type { Queue } from "../queue/queue.ts";
import type { Acceptance, AcceptanceLogWriter } from "../results/acceptance-log/writer.ts";
import { ACCEPT_TIMEOUT_MS } from "../results/acceptance-log/writer.ts";
import type { Store } from "../results/store.ts";

/**
 * The replica that made an id enqueues it within so long, or leaves it to the restore: twice the time of a commit, and
 * one second for a large body to be parsed. Whoever restores counts on it.
 */
export const PIPELINE_MS = 2 * ACCEPT_TIMEOUT_MS + 1_000;

export type Enqueue = (submitted: Submitted, done: EnqueueDone) => void;

export interface SubmissionPipelineOptions {
  readonly queue: Pick<Queue, "clock" | "isReady" | "knownKey" | "enqueue" | "missing">;
  readonly acceptanceLogWriter: Pick<AcceptanceLogWriter, "accept">;
  readonly store: Pick<Store, "among" | "committed">;
  /** The row of a finished job may be gone after so long. */
  readonly retentionMs: number;
}

const isDurable = ({ options }: Submission): boolean => options.durability === "postgres";

/** As {@link Queue.enqueue}, for submissions of any durability; `done` may come a commit later. */
export function submissionPipeline(options: SubmissionPipelineOptions): Enqueue {
  const { queue, acceptanceLogWriter } = options;
  const ageOf = ({ ids }: Submitted): number => queue.clock.now() - timeOfId(ids[0] ?? "");

  const enqueueCommitted = (submitted: Submitted, done: EnqueueDone): void => {
    if (ageOf(submitted) > PIPELINE_MS) {
      done({ kind: "failed", error: heldOnly("it took too long to get there") });
      return;
    }
    queue.enqueue({ ...submitted, sendBy: timeOfId(submitted.ids[0] ?? "") + PIPELINE_MS }, (answer) => {
      if (answer.kind === "failed")
        done({ kind: "failed", error: heldOnly(publicMessageOf(answer.error), answer.error) });
      else if (answer.kind === "enqueued") done(answer);
      // Redis knows the key otherwise: by a submission of durability redis that came at the same time, or for the moment
      // by which its own memory of the key outlasts that of Postgres. What is committed is run, so it is answered, too.
      else enqueueCommitted({ ids: submitted.ids, submissions: submitted.submissions }, done);
    });
  };

  const commit = (submitted: Submitted, done: EnqueueDone): void => {
    if (ageOf(submitted) > PIPELINE_MS - ACCEPT_TIMEOUT_MS) {
      done({
        kind: "failed",
        error: new TaskFlowError(
          "store_unavailable",
          503,
          "This submission waited too long to be read; nothing was changed.",
          { retryAfterMs: 2_000 },
        ),
      });
      return;
    }
    acceptanceLogWriter.accept(acceptanceOf(submitted), (answer) => {
      if (answer.kind === "committed") enqueueCommitted(submitted, done);
      else if (answer.kind === "failed") done(answer);
      else if (!answer.isSameBody) done({ kind: "conflict", firstId: answer.firstId });
      else
        replayed(options, answer.firstId, submitted.ids.length).then(done, (error: unknown) =>
          done({ kind: "failed", error: unread(error) }),
        );
    });
  };

  return (submitted, done) => {
    const { submissions, idempotency } = submitted;
    if (!submissions.some(isDurable)) queue.enqueue(submitted, done);
    // Known to be away: refused before anything is committed, so that nothing runs that the caller was not promised.
    else if (!queue.isReady) done({ kind: "failed", error: new QueueUnavailable("Redis is away") });
    else if (!idempotency) commit(submitted, done);
    else {
      // Most repeats end here, and leave nothing in Postgres. Redis may know a key that Postgres does not (of durability redis).
      queue.knownKey(idempotency.key).then(
        (known) => {
          if (!known) commit(submitted, done);
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

function acceptanceOf({ ids, submissions, idempotency }: Submitted): Acceptance {
  const jobs = submissions.map((submission, i) => ({ id: ids[i] ?? "", submission }));
  return idempotency ? { jobs, idempotency: { ...idempotency, firstId: ids[0] ?? "" } } : { jobs };
}

/**
 * The answer to a repeat whose key Postgres knows and Redis does not: the first try may have ended before Redis had the jobs. Each job that was
 * committed with the key is in `accepted` until `jobs` has its row. Earlier versions committed the durable jobs of a batch alone:
 * the others may not exist.
 */
async function replayed(
  { queue, store, retentionMs }: SubmissionPipelineOptions,
  firstId: string,
  count: number,
): Promise<Enqueued> {
  if (timeOfId(firstId) <= queue.clock.now() - retentionMs) return { kind: "replayed", firstId };
  // In this order no job is missed that moves meanwhile: Redis forgets a job, and `accepted` loses it, only after `jobs` has its row.
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
    `This Idempotency-Key was used before, and ${lost.length} of its ${count} jobs are in neither Redis nor Postgres (the first is ${lost[0] ?? ""}): submit what they should do under another key.`,
  );
}

/** Of a read on behalf of a submission: whatever became of it, nothing was changed. */
function unread(error: unknown): TaskFlowError {
  if (error instanceof TaskFlowError && !(error instanceof OutcomeUnknown)) return error;
  return new QueueUnavailable(
    `What this Idempotency-Key stands for cannot be read now (${outageOf(error)}); nothing was changed.`,
    error,
  );
}

/** Nothing is lost by it, and a repeat makes another job: hence not a plain "try again". */
function heldOnly(reason: string, cause?: unknown): OutcomeUnknown {
  return new OutcomeUnknown(
    `Postgres holds this submission, but it is not known to be in Redis (${reason}): if it is not, it is put there within a few minutes, and runs then.`,
    cause,
  );
}
