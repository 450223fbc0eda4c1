/**
 * Deletes finished jobs past their retention, the artifacts they produced, and entries of the acceptance log that no
 * restore needs.
 */

import type { ArtifactStore } from "../../artifacts/store.ts";
import { Periodic } from "../../concurrency/periodic.ts";
import type { Config } from "../../config/config.ts";
import { DAY_MS } from "../../core/time.ts";
import type { Log } from "../../observability/log.ts";
import { agreedTime, ClocksDiffer } from "../../postgres/agreed-time.ts";
import { trimAccepted } from "../../results/acceptance-log/partitions.ts";
import { dropExpired } from "../../results/retention.ts";

const PERIOD_MS = 3_600_000;

export interface RetentionOptions {
  readonly config: Pick<Config, "RETENTION_DAYS">;
  readonly databaseUrl: string;
  readonly artifacts: Pick<ArtifactStore, "removeOlderThan">;
  readonly log: Pick<Log, "info" | "warn">;
  /** Epoch ms of Redis: its clock dates the jobs. */
  readonly redisTime?: () => number;
  readonly periodMs?: number;
}

/**
 * Deletes now and every hour, but nothing while the clocks of this machine and of a store disagree: a wrong clock could
 * make recent jobs seem past their retention.
 * @returns a function that stops the schedule, and aborts the current run
 */
export function startRetention({
  config,
  databaseUrl,
  artifacts,
  log,
  redisTime,
  periodMs = PERIOD_MS,
}: RetentionOptions): () => Promise<void> {
  const task = async (signal: AbortSignal): Promise<void> => {
    if (redisTime) agreedTime("Redis", redisTime(), Date.now());
    const dropped = await dropExpired(databaseUrl, config.RETENTION_DAYS, Date.now(), signal);
    if (dropped.length > 0) log.info({ partitions: dropped }, "dropped finished jobs past their retention");
    await trimAccepted(databaseUrl, Date.now(), signal);
    await artifacts.removeOlderThan(config.RETENTION_DAYS * DAY_MS, signal);
  };
  const onError = (error: unknown): void => {
    if (error instanceof ClocksDiffer)
      log.warn(
        { error: error.message },
        "this replica deletes nothing past its retention while clocks differ; it tries again in an hour",
      );
    else log.warn({ error }, "could not drop finished jobs past their retention; trying again in an hour");
  };
  const runs = new Periodic({ task, periodMs, onError });
  runs.start();
  runs.wake();
  return () => runs.close();
}
