/** The restore of a replica, with the times that make it safe. */
import type { Queue } from "../../queue/queue.ts";
import { AcceptanceLogReader } from "../../results/acceptance-log/reader.ts";
import type { ReplicaOptions } from "../replica.ts";
import { PIPELINE_MS } from "../submission-pipeline.ts";
import { warning } from "../warning.ts";
import { Restore } from "./restore.ts";

/** A generous limit for the error of a replica's estimate of Redis' clock. */
const CLOCK_ERROR_MS = 1_000;

export function openRestore({ config, databaseUrl, log }: ReplicaOptions, queue: Queue): Restore {
  const enqueueMs = config.SUBMIT_TIMEOUT_MS + CLOCK_ERROR_MS;
  return new Restore({
    queue,
    acceptanceLog: new AcceptanceLogReader(databaseUrl, config.REDIS_NAMESPACE),
    underWayMs: PIPELINE_MS + enqueueMs,
    enqueueMs,
    onEmptied: () => log.warn("Redis has lost its jobs: the restore puts back those of durability postgres"),
    onRestored: (jobs) => log.info({ jobs }, "put back jobs that Redis had lost"),
    onError: warning(log, "could not put back jobs that Redis may have lost; trying again"),
  });
}
