/** Checks the jobs that SQL has found by their payloads: SQL does not redact them (core/job-filters.ts). */
import { at } from "../core/at.ts";
import type { JobFilters } from "../core/job-filters.ts";
import type { SearchedJob } from "../core/payload-search.ts";
import { passesSearch } from "../core/payload-search.ts";
import { readSql } from "../postgres/sql.ts";
import { groupsOf } from "./job-find.ts";

const PAYLOADS = readSql(new URL("./searched-payloads.sql", import.meta.url));
/** Jobs whose payloads are read and checked at once, and the memory that they may take: some milliseconds. */
const READ_JOBS = 200;
const READ_BYTES = 1024 * 1024;

export interface SearchedIds {
  /** Those that pass, in the same order. */
  readonly passing: readonly string[];
  /** How many of the ids were checked, from the first on. */
  readonly checked: number;
}

/**
 * The jobs that pass the filters by payload and by text.
 * @param ids of jobs that pass all filters in SQL, newest first
 * @param most how many passing jobs are enough
 */
export async function passingIds(
  query: <Row extends object>(text: string, values: readonly unknown[]) => Promise<Row[]>,
  ids: readonly string[],
  filters: JobFilters,
  most: number,
): Promise<SearchedIds> {
  const passing: string[] = [];
  let checked = 0;
  for (const group of groupsOf(ids)) {
    for (let rest = group; rest.length > 0; ) {
      const part = rest.slice(0, READ_JOBS);
      const rows = await query<SearchedJob & { readonly id: string }>(PAYLOADS, [
        part,
        part.at(-1),
        part[0],
        READ_BYTES,
      ]);
      const passed = new Set(rows.flatMap((row) => (passesSearch(row, filters) ? [row.id] : [])));
      const last = rows.at(-1)?.id ?? at(part, part.length - 1); // without rows, retention has removed them
      const read = part.filter((id) => id >= last);
      for (const id of read) {
        checked += 1;
        if (passed.has(id)) passing.push(id);
        if (passing.length >= most) return { passing, checked };
      }
      rest = rest.slice(read.length);
    }
  }
  return { passing, checked };
}
