/**
 * Reads of `jobs`: finished jobs by id, and lists of them by ranges of ids. Reads of one job, lists, and scans of the
 * history have separate connections, so none waits behind a longer one.
 */

import { HIGHEST_ID, LOWEST_ID, lowestIdAt, timeOfId } from "../core/id.ts";
import type { JobOptions, JobView, Submission } from "../core/job.ts";
import type { JobFilters } from "../core/job-filters.ts";
import { OMITTED_PAYLOAD, payloadOf } from "../core/payload.ts";
import type { WalkPage } from "../core/reruns.ts";
import { DAY_MS } from "../core/time.ts";
import { ReadPool } from "../postgres/read-pool.ts";
import { readSql } from "../postgres/sql.ts";
import { submissionOf } from "./acceptance-log/reader.ts";
import { HistoryReader } from "./history/history-reader.ts";
import type { HistoryRange } from "./history-scans.ts";
import { HistoryScans } from "./history-scans.ts";
import { startOfDay } from "./partitions.ts";

const GET = readSql(new URL("./job-get.sql", import.meta.url));
const STATES = readSql(new URL("./job-states.sql", import.meta.url));
const OPTIONS = readSql(new URL("./job-options.sql", import.meta.url));
const PAYLOAD = readSql(new URL("./job-payload.sql", import.meta.url));
const ATTEMPTS = readSql(new URL("./job-attempts.sql", import.meta.url));
const RANGE = readSql(new URL("./job-range.sql", import.meta.url));
const AMONG = readSql(new URL("./jobs-among.sql", import.meta.url));
const ACCEPTED = readSql(new URL("./acceptance-log/read.sql", import.meta.url));
const COMMITTED = readSql(new URL("./acceptance-log/among.sql", import.meta.url));

/** The number of concurrent page reads: a page may have 8 MiB. */
const LIST_CONNECTIONS = 2;
/** Default limit for the payloads and results of a page, which are all in memory at once. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024;
/**
 * Jobs of one query if no filter is set: Postgres reads as many payloads to sum up their sizes, however few of them
 * fit.
 */
const MAX_ROWS = 200;

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
}

export interface JobPage {
  /** Newest first. */
  readonly jobs: readonly JobView[];
  /** The lowest id examined: the next page is below it. Null at the end of the range. */
  readonly lastExamined: string | null;
}

type JobRow = Omit<JobView, "progress" | "payload"> & { readonly payload: string | null };
/** Without a job, the row has only the examined ids. */
type RangeRow = { readonly examined: number; readonly lowest: string | null } & (
  | (JobRow & { readonly bytes: number })
  | { readonly id: null }
);

export class Store {
  /** The counts and errors of the history. */
  readonly history: HistoryReader;
  readonly #pool: ReadPool;
  readonly #lists: ReadPool;
  readonly #scans: HistoryScans;
  #closing: Promise<void> | undefined;

  constructor(databaseUrl: string, { poolSize = 4 }: { readonly poolSize?: number } = {}) {
    this.#pool = new ReadPool(databaseUrl, "store", poolSize);
    this.#lists = new ReadPool(databaseUrl, "lists", LIST_CONNECTIONS);
    this.#scans = new HistoryScans(databaseUrl);
    this.history = new HistoryReader(databaseUrl);
  }

  /**
   * The job of this id; undefined if Postgres has none. Rejects, as all methods do, with `store_unavailable` while
   * Postgres is away.
   */
  async get(id: string): Promise<JobView | undefined> {
    const [row] = await this.#pool.query<JobRow>(GET, [id]);
    return row && viewOfRow(row);
  }

  /**
   * The jobs of these ids that Postgres has, without their payloads (""), and without results longer than
   * `maxResultBytes`.
   */
  async states(
    ids: readonly string[],
    maxResultBytes: number,
  ): Promise<{ readonly view: JobView; readonly isResultOmitted: boolean }[]> {
    const sorted = [...ids].sort();
    const rows = await this.#pool.query<JobRow & { readonly result_omitted: boolean }>(STATES, [
      sorted,
      sorted[0],
      sorted.at(-1),
      maxResultBytes,
    ]);
    return rows.map((row) => ({ view: viewOfRow(row), isResultOmitted: row.result_omitted }));
  }

  /**
   * The submission of the job of this id, if it was committed before Redis got it and has no row yet. If Redis has
   * lost the job, the restore puts it back (replica/maintenance/restore.ts).
   */
  async accepted(id: string): Promise<Submission | undefined> {
    const [row] = await this.#pool.query<{ submission: string }>(ACCEPTED, [[id]]);
    return row && submissionOf(id, row.submission);
  }

  /** The bytes of a job's payload, if {@link get} omits it; undefined if Postgres has no such job. */
  async payload(id: string): Promise<Uint8Array | undefined> {
    const [row] = await this.#pool.bytes<{ payload: Uint8Array }>(PAYLOAD, [id]);
    return row?.payload;
  }

  /**
   * The options of this job's submission that {@link JobView} does not show: `expires_at`, `timeout_ms`, `backoff`,
   * `callback_url`, `api_key`.
   */
  async options(id: string): Promise<JobOptions> {
    const [row] = await this.#pool.query<{ options: JobOptions | null }>(OPTIONS, [id]);
    return row?.options ?? {};
  }

  /** The records of a job's attempts before its last, oldest first, as JSON. */
  async attempts(id: string): Promise<string[]> {
    const rows = await this.#pool.query<{ record: string }>(ATTEMPTS, [id]);
    return rows.map(({ record }) => record);
  }

  /**
   * The jobs of a range of ids that pass the filters, newest first, and the lowest id examined. It reads one day, then
   * the two before it, then the four before those: a list planned over a year of partitions at once took 230 ms.
   */
  async range({
    below,
    from = LOWEST_ID,
    limit,
    maxJobs = limit,
    maxBytes = MAX_PAGE_BYTES,
    filters = {},
  }: JobRange): Promise<JobPage> {
    const filterValues = parametersOf(filters);
    const allPass = filterValues.every((filter) => filter === null);
    const jobs: JobView[] = [];
    let top = below ?? HIGHEST_ID;
    let day = startOfDay(below === undefined ? Date.now() : timeOfId(below));
    let [unexamined, bytes, days] = [limit, 0, 1];
    for (;;) {
      const bottom = lowestIdAt(day);
      const wanted = allPass ? Math.min(MAX_ROWS, maxJobs - jobs.length) : maxJobs - jobs.length;
      const ids = allPass ? Math.min(unexamined, wanted) : unexamined; // without a filter, each examined id is a result
      const rows = await this.#lists.query<RangeRow>(RANGE, [
        top,
        bottom > from ? bottom : from,
        ids,
        wanted,
        ...filterValues,
        maxBytes - bytes,
      ]);
      for (const row of rows) {
        if (row.id === null) continue;
        jobs.push(viewOfRow(row));
        bytes += row.bytes;
      }
      const { examined = 0, lowest = null } = rows[0] ?? {};
      unexamined -= examined;
      if (jobs.length >= maxJobs || bytes >= maxBytes) return { jobs, lastExamined: jobs.at(-1)?.id ?? lowest };
      if (unexamined <= 0) return { jobs, lastExamined: lowest };
      if (allPass && examined === ids && lowest !== null) {
        top = lowest; // the day may have more
        continue;
      }
      if (bottom <= from) return { jobs, lastExamined: null };
      top = bottom;
      day = Math.max(0, day - days * DAY_MS);
      days *= 2;
    }
  }

  /**
   * The ids of the jobs that pass the filters and had finished by then, newest first, in slices, without jobs of type
   * replay. All scans together read one slice at a time. Rejects with the signal's reason when it is aborted.
   */
  matching(filters: JobFilters, range: HistoryRange): AsyncGenerator<WalkPage> {
    return this.#scans.matching(parametersOf(filters), range);
  }

  /** Those of the ids that have a row. */
  async among(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const sorted = [...ids].sort();
    return new Set(
      (await this.#pool.query<{ id: string }>(AMONG, [sorted, sorted[0], sorted.at(-1)])).map(({ id }) => id),
    );
  }

  /** Those of the ids that were committed before Redis got them, and are still in `accepted`. */
  async committed(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const sorted = [...ids].sort();
    return new Set(
      (await this.#pool.query<{ id: string }>(COMMITTED, [sorted, sorted[0], sorted.at(-1)])).map(({ id }) => id),
    );
  }

  /** A round trip, in milliseconds. */
  async ping(): Promise<number> {
    const startedAt = performance.now();
    await this.#pool.query("select 1", []);
    return performance.now() - startedAt;
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all(
      [this.#pool, this.#lists, this.#scans, this.history].map((each) => each.close()),
    ).then(() => undefined);
    return this.#closing;
  }
}

function parametersOf({ status, type, tag, group_key, error_code }: JobFilters): (readonly string[] | null)[] {
  return [status ?? null, type ?? null, tag ?? null, group_key ?? null, error_code ?? null];
}

function viewOfRow(row: JobRow): JobView {
  return {
    id: row.id,
    type: row.type,
    status: row.status,
    priority: row.priority,
    durability: row.durability,
    group_key: row.group_key,
    payload: row.payload === null ? OMITTED_PAYLOAD : payloadOf(row.payload),
    result: row.result,
    error: row.error,
    attempt: row.attempt,
    max_attempts: row.max_attempts,
    progress: null,
    tags: row.tags,
    retry_of: row.retry_of,
    worker: row.worker,
    run_at: row.run_at,
    created_at: row.created_at,
    started_at: row.started_at,
    finished_at: row.finished_at,
  };
}
