/** Pages of finished jobs, newest first. */
import { HIGHEST_ID, LOWEST_ID, lowestIdAt, timeOfId } from "../core/id.ts";
import type { JobView } from "../core/job.ts";
import { TERMINAL_STATUSES } from "../core/job.ts";
import type { JobFilters } from "../core/job-filters.ts";
import { needsPayload } from "../core/payload-search.ts";
import { DAY_MS } from "../core/time.ts";
import { findIds, groupsOf, rangeOf } from "./job-find.ts";
import type { IndexedFilter, PageRow } from "./job-page-sql.ts";
import { indexedFilter, pageStatement } from "./job-page-sql.ts";
import type { JobRow } from "./job-row.ts";
import { viewOfRow } from "./job-row.ts";
import { startOfDay } from "./partitions.ts";
import { passingIds } from "./searched-payloads.ts";

/** Default limit for the payloads and results of a page, which are all in memory at once. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024;
/** Limit for the payloads that one page searches. */
export const MAX_SEARCHED_BYTES = 64 * 1024 * 1024;
/**
 * Jobs of one query if no filter is set: Postgres reads as many payloads to sum up their sizes, however few of them
 * fit.
 */
const MAX_ROWS = 200;
/** Rows that the first query of a page examines. Each further one examines four times as many. */
const FIRST_EXAMINED = 1_000;
const GROWTH = 4;
/**
 * A page by tag first examines this many of the newest ids, and more while one in WALKED_PER_TAGGED of them has the tag:
 * the index gives all jobs of the tag in a day, which may be millions.
 */
const WALKED_FOR_TAG = 2_000;
const WALKED_PER_TAGGED = 10;

export interface JobRange {
  /** Ids below this one; all when undefined. */
  readonly below?: string | undefined;
  /** Ids from this one; all when undefined. */
  readonly from?: string | undefined;
  /** How many ids are examined at most. */
  readonly limit: number;
  /** How many jobs are returned at most. Default: `limit`. */
  readonly maxJobs?: number | undefined;
  /** The page ends with the job whose payload and result reach this. */
  readonly maxBytes?: number;
  readonly filters?: JobFilters;
  /** Whether payloads and results are left out, and not read. */
  readonly isSummary?: boolean;
}

export interface JobPage {
  /** Newest first. */
  readonly jobs: readonly JobView[];
  /** The lowest id examined: the next page is below it. Null at the end of the range. */
  readonly lastExamined: string | null;
  /** How many jobs were examined; only those of one value of a filter if that filter has an index. */
  readonly examined: number;
  /** For each of the jobs, how many were examined up to it. */
  readonly ranks: readonly number[];
}

type ShownRow = Omit<PageRow, "id"> & JobRow & { readonly bytes: number };
type JobPageRow = ShownRow | (PageRow & { readonly id: null });
type Query = <Row extends object>(text: string, values: readonly unknown[]) => Promise<Row[]>;

/** Whether finished jobs can pass the filters. */
export function mayMatch({ status }: JobFilters): boolean {
  return status === undefined || TERMINAL_STATUSES.some((one) => status.includes(one));
}

/**
 * The jobs of a range of ids that pass the filters: by the index of a filter, or else day by day. That reads one day,
 * then the two before it, then the four before those: a list planned over a year of partitions at once took 230 ms.
 */
export async function readJobPage(query: Query, range: JobRange): Promise<JobPage> {
  const { filters = {}, from = LOWEST_ID } = range;
  if (!mayMatch(filters)) return { jobs: [], lastExamined: null, examined: 0, ranks: [] };
  const page = new PageInProgress(query, range);
  const filter = indexedFilter(filters);
  let day = startOfDay(range.below === undefined ? Date.now() : timeOfId(range.below));
  if (filter !== undefined)
    return (
      (filter === "tag" ? await page.walkTagged(higher(lowestIdAt(day), from)) : undefined) ?? page.find(filter, from)
    );
  for (let days = 1; ; days *= 2) {
    const bottom = higher(lowestIdAt(day), from);
    const end = await page.walk(bottom);
    if (end) return end;
    if (bottom === from) return page.end(null);
    day = Math.max(0, day - days * DAY_MS);
  }
}

function higher(one: string, other: string): string {
  return one > other ? one : other;
}

interface Examination {
  readonly below: string;
  readonly from: string;
  readonly ids?: readonly string[];
  readonly maxExamined: number;
}

interface Examined {
  /** The page, if it ends here. */
  readonly end: JobPage | undefined;
  readonly examined: number;
  readonly passed: number;
  readonly lowest: string | null;
}

/** What one query has examined. */
interface Slice {
  readonly rows: readonly ShownRow[];
  readonly examined: number;
  readonly lowest: string | null;
  readonly searched: number;
  /** Whether it ends before the examination does, since it has enough jobs. */
  readonly isCut: boolean;
}

class PageInProgress {
  readonly #query: Query;
  readonly #range: JobRange & { readonly maxJobs: number; readonly maxBytes: number; readonly filters: JobFilters };
  /** The names of the filters that are set. */
  readonly #set: readonly string[];
  readonly #jobs: JobView[] = [];
  readonly #ranks: number[] = [];
  /** The next id examined is below this one. */
  #top: string;
  #examined = 0;
  #bytes = 0;
  #searched = 0;
  #nextExamined = FIRST_EXAMINED;

  constructor(query: Query, range: JobRange) {
    const { limit, maxJobs = limit, maxBytes = MAX_PAGE_BYTES, filters = {}, below = HIGHEST_ID } = range;
    this.#query = query;
    this.#range = { ...range, maxJobs, maxBytes, filters };
    this.#set = Object.entries(filters).flatMap(([name, value]) => (value === undefined ? [] : [name]));
    this.#top = below;
  }

  end(lastExamined: string | null, examined = this.#examined): JobPage {
    return { jobs: this.#jobs, lastExamined, examined, ranks: this.#ranks };
  }

  /** Examines the ids down to `bottom`. Returns the page if it ends before. */
  async walk(bottom: string): Promise<JobPage | undefined> {
    while (this.#top > bottom) {
      const maxExamined = this.#set.length === 0 ? this.#wanted() : this.#nextLimit();
      const { end, examined, lowest } = await this.#examine({ below: this.#top, from: bottom, maxExamined });
      if (end) return end;
      this.#top = examined < maxExamined || lowest === null ? bottom : lowest;
    }
    return undefined;
  }

  /** As {@link walk}, while many of the jobs have the tag. */
  async walkTagged(bottom: string): Promise<JobPage | undefined> {
    while (this.#top > bottom) {
      const maxExamined = Math.min(this.#range.limit - this.#examined, WALKED_FOR_TAG);
      const { end, examined, passed, lowest } = await this.#examine({ below: this.#top, from: bottom, maxExamined });
      if (end) return end;
      this.#top = examined < maxExamined || lowest === null ? bottom : lowest;
      if (passed * WALKED_PER_TAGGED < examined) return undefined;
    }
    return undefined;
  }

  /** Examines the ids in the index of a filter. */
  async find(filter: IndexedFilter, from: string): Promise<JobPage> {
    const { filters } = this.#range;
    for (;;) {
      const most = this.#set.length === 1 ? this.#wanted() : this.#nextLimit();
      const ids = await findIds(this.#query, { filter, filters, below: this.#top, from, most });
      for (const group of groupsOf(ids)) {
        const { end } = await this.#examine({ ...rangeOf(group), ids: group, maxExamined: group.length });
        if (end) return end;
      }
      if (ids.length < most) return this.end(null);
      this.#top = ids.at(-1) ?? from;
    }
  }

  async #examine(examination: Examination): Promise<Examined> {
    const { limit, maxJobs, maxBytes, filters } = this.#range;
    const before = this.#examined;
    const { rows, examined, lowest, searched, isCut } = await (needsPayload(filters)
      ? this.#search(examination)
      : this.#read(examination, filters));
    for (const row of rows) {
      this.#jobs.push(viewOfRow(row));
      this.#ranks.push(before + row.rank);
      this.#bytes += row.bytes;
    }
    this.#examined += examined;
    this.#searched += searched;
    const isFull = this.#jobs.length >= maxJobs || this.#bytes >= maxBytes;
    const isOver = isCut || this.#examined >= limit || this.#searched >= MAX_SEARCHED_BYTES;
    const end = isFull
      ? this.end(this.#jobs.at(-1)?.id ?? lowest, before + (rows.at(-1)?.rank ?? examined))
      : isOver
        ? this.end(lowest)
        : undefined;
    return { end, examined, passed: rows.length, lowest };
  }

  /** The jobs that pass the filters, as many as the page can still have. */
  async #read(examination: Examination, filters: JobFilters): Promise<Slice> {
    const { maxJobs, maxBytes, isSummary = false } = this.#range;
    const { text, values } = pageStatement({
      ...examination,
      filters,
      maxReadBytes: MAX_SEARCHED_BYTES - this.#searched,
      shows: isSummary ? "summaries" : "jobs",
      maxJobs: maxJobs - this.#jobs.length,
      maxBytes: maxBytes - this.#bytes,
    });
    const rows = await this.#query<JobPageRow>(text, values);
    const { examined = 0, lowest = null, searched = 0 } = rows[0] ?? {};
    return { rows: rows.filter((row) => row.id !== null), examined, lowest, searched, isCut: false };
  }

  /** As {@link #read}, for filters that need the payload: finds ids, checks them, and reads the jobs that pass. */
  async #search(examination: Examination): Promise<Slice> {
    const { maxJobs, filters } = this.#range;
    const { text, values } = pageStatement({
      ...examination,
      filters,
      maxReadBytes: MAX_SEARCHED_BYTES - this.#searched,
      shows: "ids",
    });
    const found = await this.#query<PageRow>(text, values);
    const { examined = 0, lowest = null, searched = 0 } = found[0] ?? {};
    const rankOf = new Map(found.flatMap(({ id, rank }) => (id === null ? [] : [[id, rank] as const])));
    const ids = [...rankOf.keys()];
    const { passing, checked } = await passingIds(this.#query, ids, filters, maxJobs - this.#jobs.length);
    const part = { ...rangeOf(passing), ids: passing, maxExamined: passing.length };
    const rows = passing.length === 0 ? [] : (await this.#read(part, {})).rows;
    const ranked = rows.map((row) => ({ ...row, rank: rankOf.get(row.id) ?? row.rank }));
    const last = checked < ids.length ? ids[checked - 1] : undefined;
    return last === undefined
      ? { rows: ranked, examined, lowest, searched, isCut: false }
      : { rows: ranked, examined: rankOf.get(last) ?? examined, lowest: last, searched, isCut: true };
  }

  /** If every job examined is in the page. */
  #wanted(): number {
    const { limit, maxJobs, isSummary = false } = this.#range;
    const wanted = Math.min(limit - this.#examined, maxJobs - this.#jobs.length);
    return isSummary ? wanted : Math.min(MAX_ROWS, wanted);
  }

  #nextLimit(): number {
    const next = this.#nextExamined;
    this.#nextExamined *= GROWTH;
    return Math.min(this.#range.limit - this.#examined, next);
  }
}
