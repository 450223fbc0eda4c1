/** Opens the queue of a replica, and connects it to parts that are created later. */
import type { Metrics } from "../observability/metrics.ts";
import { reasonOf } from "../observability/reason.ts";
import { Queue } from "../queue/queue.ts";
import type { Runner } from "../queue/reservation.ts";
import { checkServer } from "../queue/server-check.ts";
import { startErrorOf } from "../queue/unfit-server.ts";
import type { ReplicaOptions } from "./replica.ts";
import { warning } from "./warning.ts";

const START_TIMEOUT_MS = 10_000;

/** The callbacks of the queue, which is opened first; the worker sets them once it exists. */
export interface QueueListeners {
  /** There may be work to claim. */
  wake: () => void;
  /** A job that runs here was cancelled. */
  cancel: (id: string) => void;
  /** Lends slots to jobs that Redis leases while it enqueues them. */
  runner: Runner | undefined;
}

export interface QueueParts {
  readonly runsJobs: boolean;
  readonly metrics: Metrics;
  readonly listeners: QueueListeners;
}

/** @throws StartError if Redis cannot be reached, or TaskFlow cannot use it */
export async function openQueue(
  { config, redis, replica, log }: ReplicaOptions,
  { runsJobs, metrics, listeners }: QueueParts,
): Promise<Queue> {
  const queue = new Queue({
    url: redis.url,
    namespace: config.REDIS_NAMESPACE,
    replica,
    leaseMs: config.LEASE_MS,
    runsJobs,
    runner: {
      reserve: (type, jobs, bytes) => listeners.runner?.reserve(type, jobs, bytes) ?? false,
      unreserve: (type, jobs, bytes) => listeners.runner?.unreserve(type, jobs, bytes),
      start: (jobs, grantedAt, payloads) => listeners.runner?.start(jobs, grantedAt, payloads),
    },
    submitTimeoutMs: config.SUBMIT_TIMEOUT_MS,
    onRoundTrip: metrics.observeScript,
    onDestinationsOpened: metrics.countOpenings,
    onWake: () => listeners.wake(),
    onCancel: (id) => listeners.cancel(id),
    reach: {
      onLost: (error) =>
        log.warn(
          { error: reasonOf(error) },
          "Redis cannot be reached: this replica tries until it answers, and claims no job meanwhile",
        ),
      onBack: () => log.info("Redis answers again"),
    },
    onError: warning(log, "Redis rejected a call"),
  });
  try {
    const denied = await queue.open(START_TIMEOUT_MS);
    for (const message of [...denied, ...(await checkServer(queue, redis.address))]) log.warn(message);
    return queue;
  } catch (error) {
    queue.close();
    throw startErrorOf(redis.address, error);
  }
}
