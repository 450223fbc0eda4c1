/** Builds the indexes that partitions of earlier versions lack, while the replica serves. */
import { Periodic } from "../../concurrency/periodic.ts";
import type { Log } from "../../observability/log.ts";
import { buildPartitionIndexes } from "../../results/partition-indexes.ts";

const PERIOD_MS = 3_600_000;
/** While indexes remain: another replica builds them, or a long read uses a partition. */
const RETRY_MS = 60_000;

export interface PartitionIndexesOptions {
  readonly databaseUrl: string;
  readonly log: Pick<Log, "info" | "warn">;
  readonly periodMs?: number;
}

/** Builds now, and looks every hour. @returns a function that stops it, and ends the current build */
export function startPartitionIndexes({
  databaseUrl,
  log,
  periodMs = PERIOD_MS,
}: PartitionIndexesOptions): () => Promise<void> {
  let hasWarned = false;
  const task = async (signal: AbortSignal): Promise<number> => {
    const { built, remaining, lacks } = await buildPartitionIndexes(databaseUrl, signal);
    if (built.length > 0) log.info({ indexes: built.length }, "built indexes of earlier partitions");
    if (lacks && !hasWarned) {
      hasWarned = true;
      log.warn(
        `Role "${lacks.role}" may not build the indexes of ${remaining} earlier partitions, so filtered lists of older jobs are slow: "grant ${lacks.owner} to ${lacks.role}", or start a replica once with a DATABASE_URL of "${lacks.owner}".`,
      );
    }
    return remaining > 0 && !lacks ? Math.min(RETRY_MS, periodMs) : periodMs;
  };
  const runs = new Periodic({
    task,
    periodMs,
    onError: (error) => log.warn({ error }, "could not build the indexes of earlier partitions; trying again later"),
  });
  runs.start();
  runs.wake();
  return () => runs.close();
}
