/**
 * Scans of the whole history, which may have millions of rows. All scans of a replica share one connection, page by
 * page; callers take turns.
 */

import { Turns } from "../concurrency/turns.ts";
import { LOWEST_ID, lowestIdAt, timeOfId } from "../core/id.ts";
import type { JobFilters } from "../core/job-filters.ts";
import { needsPayload } from "../core/payload-search.ts";
import type { WalkPage } from "../core/reruns.ts";
import { LOST_PAYLOAD } from "../core/resubmission.ts";
import { DAY_MS } from "../core/time.ts";
import type { AddValue } from "../postgres/job-filters-sql.ts";
import { ReadPool } from "../postgres/read-pool.ts";
import { findIds, groupsOf, rangeOf } from "./job-find.ts";
import type { IndexedFilter, PageRow, PageStatement } from "./job-page-sql.ts";
import { indexedFilter, pageStatement } from "./job-page-sql.ts";
import { MAX_SEARCHED_BYTES, mayMatch } from "./job-pages.ts";
import { startOfDay } from "./partitions.ts";
import { passingIds } from "./searched-payloads.ts";

/** Default limit for the ids that one query examines. */
const SLICE = 10_000;

export interface HistoryRange {
  /** Ids below this one. */
  readonly below: string;
  /** Ids from this one; all when undefined. */
  readonly from?: string | undefined;
  /** Epoch ms. */
  readonly finishedBy: number;
  /** Whether reruns of other jobs are included. */
  readonly includesReruns: boolean;
  /** Whether jobs whose payload is lost are included. */
  readonly includesLost: boolean;
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
  readonly #query = <Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> =>
    this.#pool.query<Row>(text, values);

  constructor(databaseUrl: string) {
    this.#pool = new ReadPool(databaseUrl, "scans", 1);
  }

  /** Yields slice by slice, including slices without a match. */
  async *matching(filters: JobFilters, range: HistoryRange): AsyncGenerator<WalkPage> {
    if (!mayMatch(filters)) return;
    const filter = indexedFilter(filters);
    if (filter !== undefined) {
      yield* this.#found(filter, filters, range);
      return;
    }
    const { below, from = LOWEST_ID, slice = SLICE } = range;
    let top = below;
    let day = startOfDay(timeOfId(below));
    for (let days = 1; top > from; days *= 2) {
      const bottom = lowestIdAt(day) > from ? lowestIdAt(day) : from;
      while (top > bottom) {
        const { ids, next } = await this.#read(filters, range, { below: top, from: bottom, maxExamined: slice });
        top = next;
        yield { ids, reached: top };
      }
      day = Math.max(0, day - days * DAY_MS);
    }
  }

  /** Slices of the ids in the index of a filter. */
  async *#found(filter: IndexedFilter, filters: JobFilters, range: HistoryRange): AsyncGenerator<WalkPage> {
    const { from = LOWEST_ID, slice = SLICE, caller = "", signal } = range;
    let top = range.below;
    while (top > from) {
      const search = { filter, filters, below: top, from, most: slice };
      const found = await this.#turns.take(caller, () => findIds(this.#query, search), signal);
      for (const group of groupsOf(found)) {
        for (let rest = group; rest.length > 0; ) {
          const part = { ...rangeOf(rest), ids: rest, maxExamined: rest.length };
          const { ids, next } = await this.#read(filters, range, part);
          rest = rest.filter((id) => id < next);
          yield { ids, reached: next };
        }
      }
      top = found.length < slice ? from : (found.at(-1) ?? from);
      yield { ids: [], reached: top };
    }
  }

  /** @returns the ids that pass; and `next`: the ids below it are not examined yet */
  async #read(
    filters: JobFilters,
    range: HistoryRange,
    part: Pick<PageStatement, "below" | "from" | "ids" | "maxExamined">,
  ): Promise<{ readonly ids: string[]; readonly next: string }> {
    const { text, values } = pageStatement({
      ...part,
      filters,
      conditions: (add) => conditionsSql(range, add),
      maxReadBytes: MAX_SEARCHED_BYTES,
      shows: "ids",
    });
    const query = <Row extends object>(sql: string, parameters: readonly unknown[]): Promise<Row[]> =>
      this.#turns.take(range.caller ?? "", () => this.#query<Row>(sql, parameters), range.signal);
    const rows = await query<PageRow>(text, values);
    const { examined = 0, lowest = null, searched = 0 } = rows[0] ?? {};
    const isMore = examined === part.maxExamined || searched >= MAX_SEARCHED_BYTES;
    const found = rows.flatMap(({ id }) => (id === null ? [] : [id]));
    const ids = needsPayload(filters) ? [...(await passingIds(query, found, filters, Infinity)).passing] : found;
    return { ids, next: isMore && lowest !== null ? lowest : part.from };
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

function conditionsSql({ finishedBy, includesReruns, includesLost }: HistoryRange, add: AddValue): string {
  return [
    "erased_at is null",
    `finished_at <= to_timestamp(${add(finishedBy)}::float8 / 1000)`,
    ...(includesReruns ? [] : ["retry_of is null"]),
    ...(includesLost ? [] : [`coalesce(error ->> 'code', '') <> all (${add(LOST_PAYLOAD)}::text[])`]),
  ].join(" and ");
}
