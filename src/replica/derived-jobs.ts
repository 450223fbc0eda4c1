/**
 * Jobs that another job enqueues, each once: reruns, and the jobs of a backfill. Their ids are derived from the id of
 * that job, so every repeat has the same.
 */
import type { Submission } from "../core/job.ts";
import { bytesOf } from "../core/payload.ts";
import { QueueUnavailable } from "../errors.ts";
import { enqueued } from "../queue/enqueued.ts";
import type { Queue } from "../queue/queue.ts";
import type { AcceptanceLogWriter } from "../results/acceptance-log/writer.ts";
import type { Store } from "../results/store.ts";
import type { Charged, ChargedRerun, RerunCharges } from "./rerun-charges.ts";

export interface DerivedJob {
  readonly id: string;
  readonly submission: Submission;
}

export interface DerivedJobsParts {
  readonly queue: Pick<Queue, "missing" | "enqueue">;
  readonly store: Pick<Store, "among">;
  readonly acceptanceLogWriter: Pick<AcceptanceLogWriter, "accept">;
}

/** The ids that are in neither Redis nor Postgres. */
export async function neverEnqueued(
  { queue, store }: Pick<DerivedJobsParts, "queue" | "store">,
  ids: readonly string[],
): Promise<string[]> {
  const missing = await queue.missing(ids);
  const recorded = await store.among(missing);
  return missing.filter((id) => !recorded.has(id));
}

/**
 * Enqueues jobs as far as pace and quotas allow. Refunds the jobs that it did not enqueue, since the next try charges
 * them again.
 */
export async function enqueueCharged(
  parts: DerivedJobsParts & { readonly charges: RerunCharges },
  charged: ChargedRerun,
  jobs: readonly DerivedJob[],
): Promise<Charged> {
  const sizes = (some: readonly DerivedJob[]): number[] => some.map(({ submission }) => bytesOf(submission.payload));
  const answer = await parts.charges.take(charged, sizes(jobs));
  const unmade = new Set(jobs.slice(0, answer.granted));
  try {
    await enqueue(parts, [...unmade], (made) => unmade.delete(made));
  } finally {
    // If Redis does not answer, they are charged twice.
    await parts.charges.giveBack(charged, sizes([...unmade])).catch(() => undefined);
  }
  return answer;
}

/**
 * This order enqueues no job twice: Redis forgets a job only after its row is committed, so a job that is in neither was
 * never enqueued. Its id is as old as that of the job that enqueues it, so it bypasses the submission pipeline, which
 * accepts only new ids.
 * @param onMade called for each job that this call has enqueued, or may have
 */
async function enqueue(
  parts: DerivedJobsParts,
  jobs: readonly DerivedJob[],
  onMade: (job: DerivedJob) => void,
): Promise<void> {
  if (jobs.length === 0) return;
  const durable = jobs.filter(({ submission }) => submission.options.durability === "postgres");
  if (durable.length > 0) await commit(parts, durable);
  // Checked again: the restore enqueues the jobs that an earlier try committed.
  const never = new Set(
    await neverEnqueued(
      parts,
      jobs.map(({ id }) => id),
    ),
  );
  const lacking = jobs.filter(({ id }) => never.has(id));
  const answers = await Promise.allSettled(
    lacking.map(({ id, submission }) => enqueued(parts.queue, { ids: [id], submissions: [submission] })),
  );
  answers.forEach((answer, i) => {
    if (lacking[i] && (answer.status === "fulfilled" || !(answer.reason instanceof QueueUnavailable)))
      onMade(lacking[i]);
  });
  const failed = answers.find((answer) => answer.status === "rejected");
  if (failed) throw failed.reason;
}

function commit({ acceptanceLogWriter }: DerivedJobsParts, jobs: readonly DerivedJob[]): Promise<void> {
  return new Promise((resolve, reject) => {
    acceptanceLogWriter.accept({ jobs }, (answer) => {
      if (answer.kind === "failed") reject(answer.error);
      else resolve();
    });
  });
}
