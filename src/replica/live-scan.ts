/** Finds the live jobs that a bulk operation acts on. */
import { liveMatches } from "../api/jobs/live-jobs.ts";
import type { Turns } from "../concurrency/turns.ts";
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

/**
 * Reads the next page while the caller acts on a page, since both mostly wait for Redis.
 * @param selection its `below` excludes jobs accepted after the operation
 */
export async function* liveMatching(
  { queue, turns }: LiveScanParts,
  { filters, below: start, from }: JobSelection,
  { caller = "", below, signal }: RerunScan,
): AsyncGenerator<WalkPage> {
  const read = (next: string | undefined): Promise<ScannedPage> => {
    const page = turns.take(
      caller,
      async () => {
        const { ids, isLast } = await queue.liveIds({ below: next, from, limit: PAGE, filters });
        const { jobs } = await liveMatches(queue, ids, filters);
        return { ids: jobs.map(({ id }) => id), reached: ids.at(-1), isLast };
      },
      signal,
    );
    page.catch(() => undefined); // thrown where the page is awaited; a caller that has stopped awaits none
    return page;
  };
  for (let page: Promise<ScannedPage> | undefined = read(lower(start, below)); page; ) {
    const { ids, reached, isLast }: ScannedPage = await page;
    if (reached === undefined) return;
    page = isLast ? undefined : read(reached);
    yield { ids, reached };
  }
}

interface ScannedPage {
  /** The jobs that match. */
  readonly ids: readonly string[];
  /** The last id examined; undefined if there was none. */
  readonly reached: string | undefined;
  readonly isLast: boolean;
}

function lower(one: string | undefined, other: string | undefined): string | undefined {
  return one === undefined || (other !== undefined && other < one) ? other : one;
}
