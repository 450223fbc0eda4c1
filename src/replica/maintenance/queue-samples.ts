/** Writes the depth of the queues into the history, once a minute. */
import { Periodic } from "../../concurrency/periodic.ts";
import { MINUTE_MS } from "../../core/time.ts";
import type { Log } from "../../observability/log.ts";
import { oldestWaitMs } from "../../queue/counts.ts";
import type { Queue } from "../../queue/queue.ts";
import { QueueSamples, type QueueState } from "../../results/history/queue-samples.ts";
import { warning } from "../warning.ts";

export interface QueueSamplesOptions {
  readonly databaseUrl: string;
  readonly queue: Pick<Queue, "jobCounts" | "clock">;
  readonly log: Pick<Log, "warn">;
  /** The longest time between two runs. Default: a minute. */
  readonly periodMs?: number;
}

/**
 * Samples the queues now and at the start of each minute of Redis's clock, if this replica leads; a follower tries to
 * lead then.
 * @returns a function that stops it, and cuts off the current run
 */
export function startQueueSamples({
  databaseUrl,
  queue,
  log,
  periodMs = MINUTE_MS,
}: QueueSamplesOptions): () => Promise<void> {
  const samples = new QueueSamples(databaseUrl);
  const read = async (): Promise<{ now: number; queues: QueueState[] }> => {
    const jobCounts = await queue.jobCounts();
    const { now, types } = jobCounts;
    const queues = types.map(({ type, queued, running, nextSince }) => ({
      type,
      depth: queued,
      oldestWaitMs: oldestWaitMs(jobCounts, nextSince),
      running,
    }));
    return { now, queues };
  };
  const task = async (signal: AbortSignal): Promise<number> => {
    await samples.write(async () => {
      const state = await read();
      signal.throwIfAborted();
      return state;
    });
    return Math.min(periodMs, MINUTE_MS - (queue.clock.now() % MINUTE_MS));
  };
  const runs = new Periodic({
    task,
    periodMs,
    onError: warning(log, "could not write the depth of the queues into the history; trying again"),
  });
  runs.start();
  runs.wake();
  return () => {
    const closed = runs.close();
    samples.close();
    return closed;
  };
}
