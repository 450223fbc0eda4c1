/** Jobs in the index of live jobs, and searches for them. */
import { expect } from "vitest";
import { encodeRecord } from "../core/attempt-record.ts";
import type { Job, Submission } from "../core/job.ts";
import type { JobFilters } from "../core/job-filters.ts";
import type { Queue } from "../queue/queue.ts";
import { settlement, submission } from "./queue.ts";
import type { QueueSetup } from "./queue-setup.ts";

/** The year 2100, epoch ms. */
export const FAR = 4_102_444_800_000;
export const tagged = (...tags: string[]): Submission => submission({ options: { tags } });

/** A queue that maintains the index from the first job on. */
export async function indexing({ replica }: QueueSetup): Promise<Queue> {
  const queue = await replica();
  await queue.renew([], "{}");
  return queue;
}

export async function found(queue: Queue, filters: JobFilters, limit = 1_000): Promise<readonly string[]> {
  return (await queue.liveIds({ limit, filters })).ids;
}

/** All pages. */
export async function pages(
  queue: Queue,
  filters: JobFilters,
  limit: number,
  below?: string,
  from?: string,
): Promise<string[]> {
  const { ids, isLast } = await queue.liveIds({ below, from, limit, filters });
  expect(ids.length).toBeLessThanOrEqual(limit);
  if (isLast) return [...ids];
  const last = ids.at(-1);
  if (last === undefined) throw new Error("an empty page that is not the last");
  return [...ids, ...(await pages(queue, filters, limit, last, from))];
}

const failure = (job: Job, outcome: "retry" | "failed", code: string): string =>
  encodeRecord({
    attempt: job.attempt,
    outcome,
    worker: job.worker,
    started_at: job.startedAt,
    finished_at: 1_800_000_000_000,
    error: { code, message: "m", attempt: job.attempt },
  });

/** Claims all waiting jobs, and settles each with this verdict. */
export async function settleAll(
  { claim }: QueueSetup,
  queue: Queue,
  verdict: "retry" | "failed",
  runAt = FAR,
): Promise<void> {
  const { claimed } = await claim(queue, { noop: 100, other: 100 });
  await queue.settle(
    claimed.map((job) => settlement(job, { verdict, runAt, record: failure(job, verdict, "boom") })),
    30_000,
  );
}
