/**
 * Scans of the whole history, which may have millions of rows. All scans of a replica share one connection, page by
 * page; callers take turns.
 */

import { Turns } from "../concurrency/turns.ts";
import { LOWEST_ID, lowestIdAt, timeOfId } from "../core/id.ts";
import type { JobFilters } from "../core/job-filters.ts";
import type { WalkPage } from "../core/reruns.ts";
import { RERUN_TYPE } from "../core/reruns.ts";
import { DAY_MS } from "../core/time.ts";
import type { AddValue } from "../postgres/job-filters-sql.ts";
import { ReadPool } from "../postgres/read-pool.ts";
import type { PageRow } from "./job-page-sql.ts";
import { accessFor, pageStatement } from "./job-page-sql.ts";
import { MAX_SEARCHED_BYTES, mayMatch } from "./job-pages.ts";
import { startOfDay } from "./partitions.ts";

export interface HistoryRange {
  /** Ids below this one. */
  readonly below: string;
  /** Ids from this one; all when undefined. */
  readonly from?: string | undefined;
  /** Epoch ms. */
  readonly finishedBy: number;
  /** Whether reruns of other jobs are included. */
  readonly includesReruns: boolean;
  /** How many ids one query examines at most. */
  readonly slice?: number;
  /** The caller who takes turns with others. */
  readonly caller?: string;
  /** Ends the scan after the current page. */
  readonly signal?: AbortSignal | undefined;
}

export class HistoryScans {
  readonly #pool: ReadPool;
  readonly #turns = new Turns();

  constructor(databaseUrl: string) {
    this.#pool = new ReadPool(databaseUrl, "scans", 1);
  }

  /** Yields slice by slice, including slices without a match. */
  async *matching(filters: JobFilters, range: HistoryRange): AsyncGenerator<WalkPage> {
    const { below, from = LOWEST_ID, slice = 10_000, caller = "", signal } = range;
    if (!mayMatch(filters)) return;
    let top = below;
    let day = startOfDay(timeOfId(below));
    for (let days = 1; top > from; days *= 2) {
      const bottom = lowestIdAt(day) > from ? lowestIdAt(day) : from;
      while (top > bottom) {
        const { text, values } = pageStatement({
          below: top,
          from: bottom,
          access: accessFor(filters),
          filters,
          conditions: (add) => conditionsSql(range, add),
          maxExamined: slice,
          maxReadBytes: MAX_SEARCHED_BYTES,
          shows: "ids",
        });
        const rows = await this.#turns.take(caller, () => this.#pool.query<PageRow>(text, values), signal);
        const ids = rows.flatMap(({ id }) => (id === null ? [] : [id]));
        const { examined = 0, lowest = null, searched = 0 } = rows[0] ?? {};
        const isMore = examined === slice || searched >= MAX_SEARCHED_BYTES;
        top = isMore && lowest !== null ? lowest : bottom;
        yield { ids, reached: top };
      }
      day = Math.max(0, day - days * DAY_MS);
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

function conditionsSql({ finishedBy, includesReruns }: HistoryRange, add: AddValue): string {
  const conditions = [`type <> ${add(RERUN_TYPE)}`, `finished_at <= to_timestamp(${add(finishedBy)}::float8 / 1000)`];
  return [...conditions, ...(includesReruns ? [] : ["retry_of is null"])].join(" and ");
}
