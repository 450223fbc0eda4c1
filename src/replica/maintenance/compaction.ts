/** Keeps the history of counts and errors small. */

import { Periodic } from "../../concurrency/periodic.ts";
import type { Config } from "../../config/config.ts";
import type { Log } from "../../observability/log.ts";
import { ClocksDiffer } from "../../postgres/agreed-time.ts";
import { compactHistory } from "../../results/history/compaction.ts";

/** Until then, each replica has a row for each minute and type: reads of the last minutes add up some hundreds. */
const PERIOD_MS = 600_000;

export interface CompactionOptions {
  readonly config: Pick<Config, "RETENTION_DAYS">;
  readonly databaseUrl: string;
  readonly log: Pick<Log, "warn">;
  readonly periodMs?: number;
}

/**
 * Compacts the history now and every ten minutes, but not while the clocks of this machine and of Postgres disagree.
 * @returns a function that stops the schedule, and aborts the current run
 */
export function startCompaction({
  config,
  databaseUrl,
  log,
  periodMs = PERIOD_MS,
}: CompactionOptions): () => Promise<void> {
  const onError = (error: unknown): void => {
    if (error instanceof ClocksDiffer)
      log.warn({ error: error.message }, "this replica does not compact the history while clocks differ");
    else log.warn({ error }, "the history could not be compacted; the next run tries again");
  };
  const task = (signal: AbortSignal): Promise<void> =>
    compactHistory(databaseUrl, config.RETENTION_DAYS, Date.now(), signal);
  const runs = new Periodic({ task, periodMs, jitter: 0.1, onError });
  runs.start();
  runs.wake();
  return () => runs.close();
}
