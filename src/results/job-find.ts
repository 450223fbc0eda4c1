/** Finds the ids of jobs by the indexes of filters. */
import { LOWEST_ID, lowestIdAt, timeOfId } from "../core/id.ts";
import type { JobFilters } from "../core/job-filters.ts";
import { DAY_MS } from "../core/time.ts";
import { readSql } from "../postgres/sql.ts";
import type { IndexedFilter } from "./job-page-sql.ts";
import { dayOf, partitionName, startOfDay } from "./partitions.ts";

const FIND = readSql(new URL("./job-find.sql", import.meta.url));
/** After the names of all partitions. */
const LAST_NAME = "jobs_z";
const YEAR_10000 = Date.UTC(10_000, 0, 1);
/**
 * The longest range of one query. Its plan takes longer with each day, at about a tenth of a round trip, and Postgres
 * looks up every id in every partition of the range: 1,000 ids in 125 days are 125,000 look-ups.
 */
const MAX_SPAN_MS = 8 * DAY_MS;

export interface IdSearch {
  readonly filter: IndexedFilter;
  readonly filters: JobFilters;
  /** Ids below this one, and from the other on. */
  readonly below: string;
  readonly from: string;
  /** How many ids are found at most. */
  readonly most: number;
}

/** The newest ids in the index of a filter, newest first. */
export async function findIds(
  query: (text: string, values: readonly unknown[]) => Promise<{ readonly id: string }[]>,
  { filter, filters, below, from, most }: IdSearch,
): Promise<string[]> {
  const settled = startOfDay(Date.now()) - DAY_MS;
  const names = [nameFor(below), nameFor(from), partitionName(settled)];
  const rows = await query(FIND, [filter, filters[filter] ?? [], below, from, lowestIdAt(settled), ...names, most]);
  return rows.map(({ id }) => id);
}

function nameFor(id: string): string {
  return timeOfId(id) < YEAR_10000 ? partitionName(dayOf(id)) : LAST_NAME;
}

/** The same ids in groups that one query each can read. */
export function groupsOf(ids: readonly string[]): string[][] {
  const groups: string[][] = [];
  let newest = Infinity;
  for (const id of ids) {
    const time = timeOfId(id);
    if (groups.length === 0 || newest - time > MAX_SPAN_MS) {
      groups.push([]);
      newest = time;
    }
    groups.at(-1)?.push(id);
  }
  return groups;
}

/** The range of these ids, newest first, up to the end of a day. */
export function rangeOf(ids: readonly string[]): { readonly below: string; readonly from: string } {
  const [newest = LOWEST_ID] = ids;
  return { below: lowestIdAt(dayOf(newest) + DAY_MS), from: ids.at(-1) ?? newest };
}
