/** Queues for tests: replicas of one installation on a fresh Redis. */
import { at } from "../core/at.ts";
import type { Job, Submission } from "../core/job.ts";
import type { FreeSlots } from "../queue/claim.ts";
import type { Enqueued, Submitted } from "../queue/enqueuer.ts";
import { Queue } from "../queue/queue.ts";
import type { QueueOptions } from "../queue/queue-options.ts";
import type { Runner } from "../queue/reservation.ts";
import type { Settlement } from "../queue/settlement.ts";

let replicas = 0;

/** Has slots for all enqueued jobs while `isOpen`, and keeps the leased jobs. */
export class TestRunner implements Runner {
  hasSlots = false;
  /** Slots that are reserved and were not given up. */
  reserved = 0;
  readonly started: Job[] = [];

  reserve(_type: string, jobs: number): boolean {
    if (this.hasSlots) this.reserved += jobs;
    return this.hasSlots;
  }

  unreserve(_type: string, jobs: number): void {
    this.reserved -= jobs;
  }

  start(jobs: readonly Job[]): void {
    this.started.push(...jobs);
  }
}

/** An open queue of one more replica; `close()` it. */
export async function openQueue(
  address: string,
  options: Partial<QueueOptions> = {},
  timeoutMs = 5_000,
): Promise<Queue> {
  replicas += 1;
  const queue = new Queue({
    url: address,
    namespace: "taskflow:0",
    replica: `rep${String(replicas).padStart(5, "0")}`,
    leaseMs: 15_000,
    runsJobs: false,
    submitTimeoutMs: 2_000,
    onRoundTrip: () => undefined,
    onError: () => undefined,
    onWake: () => undefined,
    onCancel: () => undefined,
    ...options,
  });
  try {
    await queue.open(timeoutMs);
    return queue;
  } catch (error) {
    queue.close();
    throw error;
  }
}

export function submission(changes: Partial<Submission> = {}): Submission {
  return { type: "noop", payload: `{"n":1}`, priority: 5, maxAttempts: 3, groupKey: null, options: {}, ...changes };
}

export async function enqueueRaw(queue: Queue, submitted: Submitted): Promise<Enqueued> {
  return new Promise((resolve) => queue.enqueue(submitted, resolve));
}

/** Enqueues jobs one by one, in order, and returns their ids. */
export async function enqueue(queue: Queue, ...submissions: readonly Submission[]): Promise<string[]> {
  const ids = submissions.map(() => queue.ids.next());
  const answers = await Promise.all(
    submissions.map((one, i) => enqueueRaw(queue, { ids: [at(ids, i)], submissions: [one] })),
  );
  const failed = answers.find(({ kind }) => kind !== "enqueued");
  if (failed) throw new Error(`not enqueued: ${JSON.stringify(failed)}`);
  return ids;
}

/** Free slots of lane `io` for these types. */
export function ioSlots(free: Readonly<Record<string, number>>): FreeSlots {
  return { io: 1_000, cpu: 0, types: Object.entries(free).map(([type, slots]) => ({ type, lane: "io", slots })) };
}

/** The settlement of a job that completed. */
export function settlement(job: Job, changes: Partial<Settlement> = {}): Settlement {
  const { id, type, priority, claimSeq, attempt, crashes, deferrals } = job;
  return {
    id,
    type,
    priority,
    claimSeq,
    startedAt: 0,
    attempt,
    crashes,
    deferrals,
    verdict: "completed",
    runAt: 0,
    record: `{"outcome":"completed"}`,
    ...changes,
  };
}

export const idsOf = (jobs: readonly Job[]): string[] => jobs.map(({ id }) => id);
