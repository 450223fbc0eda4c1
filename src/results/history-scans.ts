/**
 * Scans of the whole history, which may have millions of rows. All scans of a replica share one connection, page by
 * page; callers take turns.
 */

import { Turns } from "../concurrency/turns.ts";
import { LOWEST_ID, lowestIdAt, timeOfId } from "../core/id.ts";
import type { WalkPage } from "../core/reruns.ts";
import { DAY_MS } from "../core/time.ts";
import { ReadPool } from "../postgres/read-pool.ts";
import { readSql } from "../postgres/sql.ts";
import { startOfDay } from "./partitions.ts";

const MATCH = readSql(new URL("./job-match.sql", import.meta.url));

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

type MatchRow = { readonly examined: number; readonly lowest: string | null; readonly id: string | null };

export class HistoryScans {
  readonly #pool: ReadPool;
  readonly #turns = new Turns();

  constructor(databaseUrl: string) {
    this.#pool = new ReadPool(databaseUrl, "scans", 1);
  }

  /** Yields slice by slice, including slices without a match. @param filters in the order of the query's parameters */
  async *matching(filters: readonly (readonly string[] | null)[], range: HistoryRange): AsyncGenerator<WalkPage> {
    const { below, from = LOWEST_ID, finishedBy, includesReruns, slice = 10_000, caller = "", signal } = range;
    let top = below;
    let day = startOfDay(timeOfId(below));
    for (let days = 1; top > from; days *= 2) {
      const bottom = lowestIdAt(day) > from ? lowestIdAt(day) : from;
      for (let isMore = true; isMore; ) {
        const values = [top, bottom, slice, ...filters, finishedBy, includesReruns];
        const rows = await this.#turns.take(caller, () => this.#pool.query<MatchRow>(MATCH, values), signal);
        const ids = rows.flatMap(({ id }) => (id === null ? [] : [id]));
        const { examined = 0, lowest = null } = rows[0] ?? {};
        isMore = examined === slice && lowest !== null;
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
