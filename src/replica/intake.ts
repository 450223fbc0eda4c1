/**
 * What every call that waits for an answer hands its submissions to. Those that ask for durability postgres are
 * committed there first: commit → enqueue → answer.
 */
import { timeOfId } from "../core/id.ts";
import type { Submission } from "../core/job.ts";
import { OutcomeUnknown, QueueUnavailable, TaskFlowError } from "../errors.ts";
import { outageOf, publicMessageOf } from "../outage.ts";
import type { EnqueueDone, Submitted } from "../queue/enqueuer.ts";
import type { Queue } from "../queue/queue.ts";
import type { Acceptance, Acceptor } from "../results/acceptor.ts";
import { ACCEPT_TIMEOUT_MS } from "../results/acceptor.ts";

/**
 * The replica that made an id enqueues it within so long, or leaves it to the restore: twice the time of a commit, and
 * one second for a large body to be parsed. Whoever restores counts on it.
 */
export const INTAKE_MS = 2 * ACCEPT_TIMEOUT_MS + 1_000;

export type Enqueue = (submitted: Submitted, done: EnqueueDone) => void;

export interface IntakeOptions {
  readonly queue: Pick<Queue, "clock" | "isReady" | "knownKey" | "enqueue">;
  readonly acceptor: Pick<Acceptor, "accept">;
}

const isDurable = ({ options }: Submission): boolean => options.durability === "postgres";

/** As {@link Queue.enqueue}, for submissions of any durability; `done` may come a commit later. */
export function intake({ queue, acceptor }: IntakeOptions): Enqueue {
  const ageOf = ({ ids }: Submitted): number => queue.clock.now() - timeOfId(ids[0] ?? "");

  const enqueueCommitted = (submitted: Submitted, done: EnqueueDone): void => {
    if (ageOf(submitted) > INTAKE_MS) {
      done({ kind: "failed", error: heldOnly("it took too long to get there") });
      return;
    }
    queue.enqueue(submitted, (answer) => {
      if (answer.kind === "failed") done({ kind: "failed", error: heldOnly(publicMessageOf(answer.error), answer.error) });
      else if (answer.kind === "enqueued") done(answer);
      // Redis knows the key otherwise: by a submission of durability redis that came at the same time, or for the moment
      // by which its own memory of the key outlasts that of Postgres. What is committed is run, so it is answered, too.
      else enqueueCommitted({ ids: submitted.ids, submissions: submitted.submissions }, done);
    });
  };

  const commit = (submitted: Submitted, done: EnqueueDone): void => {
    if (ageOf(submitted) > INTAKE_MS - ACCEPT_TIMEOUT_MS) {
      done({ kind: "failed", error: new TaskFlowError("store_unavailable", 503, "This submission waited too long to be read; nothing was changed.", { retryAfterMs: 2_000 }) });
      return;
    }
    acceptor.accept(acceptanceOf(submitted), (answer) => {
      if (answer.kind === "committed") enqueueCommitted(submitted, done);
      else if (answer.kind === "failed") done(answer);
      else done({ kind: answer.isSameBody ? "replayed" : "conflict", firstId: answer.firstId });
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
          else done({ kind: known.fingerprint === idempotency.fingerprint ? "replayed" : "conflict", firstId: known.firstId });
        },
        (error: unknown) => done({ kind: "failed", error: error instanceof TaskFlowError ? error : new QueueUnavailable(`Redis cannot be asked: ${outageOf(error)}`, error) }),
      );
    }
  };
}

/** Of a batch, only the jobs that ask for it. */
function acceptanceOf({ ids, submissions, idempotency }: Submitted): Acceptance {
  const jobs: Acceptance["jobs"][number][] = [];
  submissions.forEach((submission, i) => { if (isDurable(submission)) jobs.push({ id: ids[i] ?? "", submission }); }); // flatMap takes 1 µs
  return idempotency ? { jobs, idempotency: { ...idempotency, firstId: ids[0] ?? "" } } : { jobs };
}

/** Nothing is lost by it, and a repeat makes another job: hence not a plain "try again". */
function heldOnly(reason: string, cause?: unknown): OutcomeUnknown {
  return new OutcomeUnknown(`Postgres holds this submission, but it is not known to be in Redis (${reason}): if it is not, it is put there within a few minutes, and runs then.`, cause);
}
