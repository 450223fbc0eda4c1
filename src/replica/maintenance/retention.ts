/** What is past its retention, of all replicas: finished jobs, the files that they produced, and what no restore needs any more. */

import type { ArtifactStore } from "../../artifacts/store.ts";
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
  /** Epoch ms, Redis's: by it jobs are accepted, and finish. */
  readonly redisTime?: () => number;
  readonly periodMs?: number;
}

/**
 * Nothing is deleted by this machine's clock, nor while it disagrees with that of a store: by a wrong clock, fresh jobs are past their retention.
 * Drops it now and every hour; a run that takes longer is not overtaken by the next.
 * @returns what ends that, and the run under way
 */
export function startRetention({
  config,
  databaseUrl,
  artifacts,
  log,
  redisTime,
  periodMs = PERIOD_MS,
}: RetentionOptions): () => Promise<void> {
  const closing = new AbortController();
  const { signal } = closing;
  const drop = async (): Promise<void> => {
    try {
      if (redisTime) agreedTime("Redis", redisTime(), Date.now());
      const dropped = await dropExpired(databaseUrl, config.RETENTION_DAYS, Date.now(), signal);
      if (dropped.length > 0) log.info({ partitions: dropped }, "dropped finished jobs past their retention");
      await trimAccepted(databaseUrl, Date.now(), signal);
      await artifacts.removeOlderThan(config.RETENTION_DAYS * DAY_MS, signal);
    } catch (error) {
      if (error instanceof ClocksDiffer)
        log.warn(
          { error: error.message },
          "nothing past its retention is deleted from here while clocks differ; tried again in an hour",
        );
      else if (!signal.aborted)
        log.warn({ error }, "finished jobs past their retention could not be dropped; tried again in an hour");
    }
  };
  let running: Promise<void> | undefined;
  const start = (): void => {
    running ??= drop().finally(() => {
      running = undefined;
    });
  };
  const timer = setInterval(start, periodMs);
  start();
  return async () => {
    clearInterval(timer);
    closing.abort();
    await running;
  };
}
