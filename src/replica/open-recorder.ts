/** Opens the recorder of a replica. */

import { outcomeOf } from "../core/attempt-record.ts";
import { timeOfId } from "../core/id.ts";
import type { Job, Outcome } from "../core/job.ts";
import type { Metrics } from "../observability/metrics.ts";
import { forgettableOf } from "../queue/forgetting.ts";
import type { Queue } from "../queue/queue.ts";
import { Recorder } from "../results/recorder/recorder.ts";
import type { ReplicaOptions } from "./replica.ts";

export interface RecorderParts {
  readonly queue: Queue;
  readonly metrics: Pick<Metrics, "observeCopy" | "observeEndToEnd" | "countDropped">;
  /** The recorder has room again after it was full. */
  readonly released: () => void;
}

export function openRecorder(
  { config, databaseUrl, log, replica }: ReplicaOptions,
  { queue, metrics, released }: RecorderParts,
): Recorder {
  return new Recorder({
    databaseUrl,
    writer: replica,
    maxRows: config.RECORD_BATCH_ROWS,
    highMark: config.RECORD_HIGH_MARK,
    lowMark: Math.floor(config.RECORD_HIGH_MARK / 2),
    payload: (id, size) => queue.payload(id, size),
    log,
    observe: { batch: metrics.observeCopy, dropped: metrics.countDropped, released },
    onRecorded: async (outcomes: readonly Outcome[]) => {
      const now = queue.clock.now();
      for (const { job } of outcomes) metrics.observeEndToEnd(job.type, Math.max(0, now - timeOfId(job.id)) / 1_000);
      await queue.forget(outcomes.filter(({ staysInRedis }) => !staysInRedis).map(forgettableOf));
    },
  });
}

/** Records a job that was cancelled while it waited, and that the cancellation has moved to the outbox. */
export function recordCancelled(
  job: Job,
  kind: "cancelled" | "withdrawn",
  recorder: Recorder,
  metrics: Pick<Metrics, "countJob">,
): void {
  const outcome = outcomeOf(job);
  if (!outcome) return;
  recorder.add([kind === "withdrawn" ? { ...outcome, staysInRedis: true } : outcome]);
  metrics.countJob(job.type, "cancelled");
}
