/** Finds the live jobs that a bulk operation acts on. */
import { liveMatches } from "../api/jobs/live-jobs.ts";
import type { Turns } from "../concurrency/turns.ts";
import { lowestOf } from "../core/id.ts";
import type { JobSelection } from "../core/job-filters.ts";
import type { RerunScan, WalkPage } from "../core/reruns.ts";
import type { Queue } from "../queue/queue.ts";

/** Ids per page: some milliseconds of Redis. */
const PAGE = 1_000;

export interface LiveScanParts {
  readonly queue: Pick<Queue, "liveIds" | "readHeaders" | "read" | "payload">;
  /** Several scans take turns, page by page. */
  readonly turns: Turns;
}

/** @param selection its `below` excludes jobs accepted after the operation */
export async function* liveMatching(
  { queue, turns }: LiveScanParts,
  { filters, below: start, from }: JobSelection,
  { caller = "", below, signal }: RerunScan,
): AsyncGenerator<WalkPage> {
  for (let next = lowestOf(start, below); ; ) {
    const range = { below: next, from, limit: PAGE, filters };
    const page = await turns.take(
      caller,
      async () => {
        const { ids, isLast } = await queue.liveIds(range);
        return { reached: ids.at(-1), isLast, jobs: (await liveMatches(queue, ids, filters)).jobs };
      },
      signal,
    );
    if (page.reached === undefined) return;
    yield { ids: page.jobs.map(({ id }) => id), reached: page.reached };
    if (page.isLast) return;
    next = page.reached;
  }
}
