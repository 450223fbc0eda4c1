/** Pages of finished jobs, newest first. */
import { HIGHEST_ID, LOWEST_ID, lowestIdAt, timeOfId } from "../core/id.ts";
import type { JobView } from "../core/job.ts";
import { TERMINAL_STATUSES } from "../core/job.ts";
import type { JobFilters } from "../core/job-filters.ts";
import { DAY_MS } from "../core/time.ts";
import type { Access, PageRow } from "./job-page-sql.ts";
import { accessFor, pageStatement } from "./job-page-sql.ts";
import type { JobRow } from "./job-row.ts";
import { viewOfRow } from "./job-row.ts";
import { startOfDay } from "./partitions.ts";

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
}

type JobPageRow = PageRow & (({ readonly bytes: number } & JobRow) | { readonly id: null });
type Query = (text: string, values: readonly unknown[]) => Promise<JobPageRow[]>;

/** Whether finished jobs can pass the filters. */
export function mayMatch({ status }: JobFilters): boolean {
  return status === undefined || TERMINAL_STATUSES.some((one) => status.includes(one));
}

/**
 * The jobs of a range of ids that pass the filters. It reads one day, then the two before it, then the four before
 * those: a list planned over a year of partitions at once took 230 ms.
 */
export async function readJobPage(query: Query, range: JobRange): Promise<JobPage> {
  const { filters = {}, from = LOWEST_ID } = range;
  if (!mayMatch(filters)) return { jobs: [], lastExamined: null, examined: 0 };
  const page = new PageInProgress(query, range);
  let day = startOfDay(range.below === undefined ? Date.now() : timeOfId(range.below));
  for (let days = 1; ; days *= 2) {
    const bottom = lowestIdAt(day);
    const end = await page.readTo(bottom > from ? bottom : from);
    if (end) return end;
    if (bottom <= from) return page.end(null);
    day = Math.max(0, day - days * DAY_MS);
  }
}

class PageInProgress {
  readonly #query: Query;
  readonly #range: JobRange & { readonly maxJobs: number; readonly maxBytes: number; readonly filters: JobFilters };
  readonly #allPass: boolean;
  readonly #index: Access;
  readonly #jobs: JobView[] = [];
  #top: string;
  #examined = 0;
  #bytes = 0;
  #searched = 0;
  #nextExamined = FIRST_EXAMINED;
  #walksForTag: boolean;

  constructor(query: Query, range: JobRange) {
    const { limit, maxJobs = limit, maxBytes = MAX_PAGE_BYTES, filters = {}, below = HIGHEST_ID } = range;
    this.#query = query;
    this.#range = { ...range, maxJobs, maxBytes, filters };
    this.#allPass = (Object.values(filters) as unknown[]).every((value) => value === undefined);
    this.#index = accessFor(filters);
    this.#walksForTag = this.#index === "tag";
    this.#top = below;
  }

  end(lastExamined: string | null, examined = this.#examined): JobPage {
    return { jobs: this.#jobs, lastExamined, examined };
  }

  /** Examines the ids down to `bottom`. Returns the page if it ends before. */
  async readTo(bottom: string): Promise<JobPage | undefined> {
    const { limit, maxJobs, maxBytes } = this.#range;
    while (this.#top > bottom) {
      const before = this.#examined;
      const maxExamined = this.#nextLimit();
      const rows = await this.#read(bottom, maxExamined);
      const { examined = 0, lowest = null, searched = 0 } = rows[0] ?? {};
      for (const row of rows) {
        if (row.id === null) continue;
        this.#jobs.push(viewOfRow(row));
        this.#bytes += row.bytes;
      }
      this.#examined += examined;
      this.#searched += searched;
      if (this.#jobs.length >= maxJobs || this.#bytes >= maxBytes)
        return this.end(this.#jobs.at(-1)?.id ?? lowest, before + (rows.at(-1)?.rank ?? examined));
      if (this.#searched >= MAX_SEARCHED_BYTES || this.#examined >= limit) return this.end(lowest);
      if (examined < maxExamined || lowest === null) this.#top = bottom;
      else this.#top = lowest;
      this.#walksForTag &&= rows.filter(({ id }) => id !== null).length * WALKED_PER_TAGGED >= examined;
    }
    return undefined;
  }

  #read(bottom: string, maxExamined: number): Promise<JobPageRow[]> {
    const { maxJobs, maxBytes, filters, isSummary = false } = this.#range;
    const { text, values } = pageStatement({
      below: this.#top,
      from: bottom,
      access: this.#walksForTag ? "walk" : this.#index,
      filters,
      maxExamined,
      maxReadBytes: MAX_SEARCHED_BYTES - this.#searched,
      shows: isSummary ? "summaries" : "jobs",
      maxJobs: maxJobs - this.#jobs.length,
      maxBytes: maxBytes - this.#bytes,
    });
    return this.#query(text, values);
  }

  #nextLimit(): number {
    const { limit, maxJobs, isSummary = false } = this.#range;
    const left = limit - this.#examined;
    if (this.#allPass) {
      const wanted = Math.min(left, maxJobs - this.#jobs.length);
      return isSummary ? wanted : Math.min(MAX_ROWS, wanted);
    }
    if (this.#walksForTag) return Math.min(left, WALKED_FOR_TAG);
    const next = this.#nextExamined;
    this.#nextExamined *= GROWTH;
    return Math.min(left, next);
  }
}
