/** The statement that reads a page of `jobs`: for lists, and for scans of the history. */
import type { JobFilters } from "../core/job-filters.ts";
import { needsPayload } from "../core/payload-search.ts";
import type { AddValue } from "../postgres/job-filters-sql.ts";
import { filterSql } from "../postgres/job-filters-sql.ts";

/** The filters with an index, the most selective first. */
const INDEXED = ["retry_of", "error_code", "status", "group_key", "tag"] as const;
export type IndexedFilter = (typeof INDEXED)[number];

export interface PageStatement {
  /** Ids below this one. */
  readonly below: string;
  /** Ids from this one on. */
  readonly from: string;
  /** The ids that are examined; all of the range when undefined. */
  readonly ids?: readonly string[] | undefined;
  readonly filters: JobFilters;
  /** Further conditions on a row. */
  readonly conditions?: (add: AddValue) => string;
  /** How many rows are examined at most. */
  readonly maxExamined: number;
  /** The stored size of the payloads that are searched; the row that reaches it is the last. */
  readonly maxReadBytes: number;
  /** The jobs in the result. Payloads and results are neither read nor shown in `summaries`. */
  readonly shows: "jobs" | "summaries" | "ids";
  /** How many jobs are in the result at most. Does not limit `ids`. */
  readonly maxJobs?: number;
  /** The job whose payload and result reach this is the last. */
  readonly maxBytes?: number;
}

/** On every row of the result, of which there is at least one; a page without a job has one with `id` null. */
export interface PageRow {
  /** Rows examined. */
  readonly examined: number;
  /** The last id examined; null if none was. */
  readonly lowest: string | null;
  /** The size of the payloads searched. */
  readonly searched: number;
  readonly id: string | null;
  /** The number of rows examined up to this job. */
  readonly rank: number;
}

/** A compressed payload may be this many times as large when it is read. */
const EXPANSION = 16;
const SEARCH_COST = `pg_column_size(payload) * case when pg_column_compression(payload) is null then 1 else ${EXPANSION} end`;

/** The columns of a job, except for its payload and result. */
const COLUMNS = `type, status, priority, durability, group_key, error, attempt, max_attempts, tags, retry_of,
    options -> 'schedule' as schedule, options -> 'flow' as flow, worker,
    (extract(epoch from run_at) * 1000)::float8 as run_at, (options ->> 'expires_at')::float8 as expires_at,
    (extract(epoch from created_at) * 1000)::float8 as created_at,
    (extract(epoch from started_at) * 1000)::float8 as started_at, (extract(epoch from finished_at) * 1000)::float8 as finished_at,
    (extract(epoch from erased_at) * 1000)::float8 as erased_at`;

/** The filter whose index names the fewest ids; undefined if no filter has one. */
export function indexedFilter(filters: JobFilters): IndexedFilter | undefined {
  // most jobs have completed: those have no index
  return INDEXED.find(
    (name) => filters[name] !== undefined && !(name === "status" && filters.status?.includes("completed")),
  );
}

/** @returns a query whose rows are of type {@link PageRow}; except for `ids`, with the fields of the job */
export function pageStatement(page: PageStatement): { readonly text: string; readonly values: unknown[] } {
  const values: unknown[] = [];
  const add: AddValue = (value) => `$${values.push(value)}`;
  const range = `id < ${add(page.below)}::uuid and id >= ${add(page.from)}::uuid`;
  const source = sourceSql(page, range, add);
  const cost = needsPayload(page.filters) ? SEARCH_COST : "0";
  const conditions = [filterSql(page.filters, add), page.conditions?.(add)].filter((one) => one !== undefined);
  // "offset 0" keeps Postgres from evaluating the conditions once for each use of `passes`
  const checked = `select *, ${conditions.join(" and ")} as passes
    from (
      select *, ${cost} as cost, sum(${cost}) over newest as searched, (row_number() over newest)::int as rank
      from (${source}) as source window newest as (order by id desc)
    ) as ranked
    where searched - cost < ${add(page.maxReadBytes)}::float8 offset 0`;
  const text = `with entry as materialized (
  select ${ENTRY_COLUMNS[page.shows]}, searched, rank, passes
  from (${checked}) as checked
)
select look.examined, look.lowest, look.searched, job.*
from (select count(*)::int as examined, min(id::text collate "C")::uuid as lowest, coalesce(max(searched), 0)::float8 as searched from entry) as look
left join lateral (${shownSql(page, add)}) as job on true
order by job.id desc`;
  return { text, values };
}

/** The payloads of rows that do not pass are not stored with the entries. */
const ENTRY_COLUMNS = {
  ids: "id",
  summaries:
    "id, type, status, priority, durability, group_key, error, attempt, max_attempts, tags, retry_of, worker, run_at, options, created_at, started_at, finished_at, erased_at",
  get jobs() {
    return `${this.summaries}, case when passes then payload end as payload, case when passes then result end as result`;
  },
};

/** The rows that a page examines, newest first. */
function sourceSql({ ids, maxExamined }: PageStatement, range: string, add: AddValue): string {
  if (!ids) return `select * from jobs where ${range} order by id desc limit ${add(maxExamined)}::int`;
  return `select * from jobs where id = any (${add(ids)}::uuid[]) and ${range} order by id desc`;
}

function shownSql({ shows, maxJobs = 0, maxBytes = 0 }: PageStatement, add: AddValue): string {
  if (shows === "ids") return "select id, rank from entry where passes";
  const newest = `(select * from entry where passes order by id desc limit ${add(maxJobs)}::int) as newest`;
  if (shows === "summaries")
    return `select id, rank, 0 as bytes, null as payload, null as result, ${COLUMNS} from ${newest}`;
  // Leaves out large payloads, without decompressing them.
  return `
  select id, rank, bytes, shown as payload, result::text as result, ${COLUMNS}
  from (
    select *, sum(bytes) over (order by id desc) - bytes as before
    from (
      select newest.*, shown, (coalesce(octet_length(shown), 0) + coalesce(octet_length(result::text), 0))::float8 as bytes
      from ${newest}, lateral (select case when pg_column_size(payload) <= 32768 and octet_length(payload::text) <= 98304 then payload::text end as shown offset 0) as small
    ) as sized
  ) as found
  where before < ${add(maxBytes)}::float8`;
}
