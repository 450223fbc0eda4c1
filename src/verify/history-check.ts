/** Compares the history, which the recorder counts, with the rows of the jobs. */
import { formatTime } from "../core/rfc3339.ts";
import { DAY_MS, HOUR_MS } from "../core/time.ts";
import type { StoredJobs } from "../results/stored-jobs.ts";
import type { Inconsistency } from "./inconsistency.ts";

/**
 * The hours whose counts differ from the rows. Hours of which retention may have dropped rows are left out.
 * @param now epoch ms
 */
export async function historyInconsistencies(
  storedJobs: Pick<StoredJobs, "historyDifferences">,
  retentionDays: number,
  now: number,
): Promise<Inconsistency[]> {
  const differences = await storedJobs.historyDifferences(now - retentionDays * DAY_MS + HOUR_MS);
  return differences.map(({ hour, type, stored, counted }) => ({
    kind: "history",
    id: null,
    text: `jobs of type ${type} that finished in the hour from ${formatTime(hour)} (completed, failed, cancelled, retries, errors, run_total_ms): the rows give ${stored || "none"}, the history has ${counted || "none"}`,
  }));
}
