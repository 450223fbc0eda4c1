/** The restore of a replica, with the times that make it safe. */
import type { Queue } from "../../queue/queue.ts";
import { Accepted } from "../../results/acceptance-log/reader.ts";
import type { SystemOptions } from "../replica.ts";
import { PIPELINE_MS } from "../submission-pipeline.ts";
import { warning } from "../warning.ts";
import { Restore } from "./restore.ts";

/** What Redis's clock and a replica's notion of it may differ by, generously. */
const CLOCK_ERROR_MS = 1_000;

export function openRestore({ config, databaseUrl, log }: SystemOptions, queue: Queue): Restore {
  const enqueueMs = config.SUBMIT_TIMEOUT_MS + CLOCK_ERROR_MS;
  return new Restore({
    queue,
    accepted: new Accepted(databaseUrl, config.REDIS_NAMESPACE),
    underWayMs: PIPELINE_MS + enqueueMs,
    enqueueMs,
    onEmptied: () => log.warn("Redis has lost what it held: the jobs of durability postgres are put back"),
    onRestored: (jobs) => log.info({ jobs }, "put jobs back that Redis did not hold"),
    onError: warning(log, "jobs that Redis may have lost could not be put back yet"),
  });
}
