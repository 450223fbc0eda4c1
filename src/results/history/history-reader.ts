/** Reads of the history: counts by minute, hour or day, groups of errors, versions of replicas, and samples of queues. */
import { type Histogram, type Percentiles, percentilesOf } from "../../core/histogram.ts";
import { HOUR_MS } from "../../core/time.ts";
import { ReadPool } from "../../postgres/read-pool.ts";
import { readSql } from "../../postgres/sql.ts";

const SERIES = readSql(new URL("./series-read.sql", import.meta.url));
const SERIES_TYPES = readSql(new URL("./series-types.sql", import.meta.url));
const VERSIONS = readSql(new URL("./versions-read.sql", import.meta.url));
const VERSION_SINCE = readSql(new URL("./version-since.sql", import.meta.url));
const VERSION_ADD = readSql(new URL("./version-add.sql", import.meta.url));
const SAMPLES = readSql(new URL("./samples-read.sql", import.meta.url));
const ERRORS = readSql(new URL("./errors-read.sql", import.meta.url));

export type SeriesStep = "minute" | "hour" | "day";

/** Times are epoch ms. */
export interface SeriesPoint {
  readonly at: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly retries: number;
  /** The sum of the durations of the last attempts. */
  readonly run_total_ms: number;
  /** Milliseconds; null if no job started. */
  readonly pickup: Percentiles | null;
  readonly run: Percentiles | null;
}

/** The counts of a type in a period. */
export interface TypeTotals extends Omit<SeriesPoint, "at"> {
  readonly type: string;
}

/** A version that replicas began to run. */
export interface VersionStart {
  /** Epoch ms. */
  readonly at: number;
  readonly version: string;
}

/** The queue of a type at a time, or the maximum of each number within a step. */
export interface QueueSample {
  /** Epoch ms. */
  readonly at: number;
  readonly depth: number;
  /** Null if no job waited. */
  readonly oldest_wait_ms: number | null;
  readonly running: number;
}

/** Failures with the same type, code and signature. Times are epoch ms. */
export interface ErrorGroup {
  readonly type: string;
  readonly code: string;
  readonly signature: string;
  readonly count: number;
  /** Since errors are kept: it may be before the period. */
  readonly first_seen: number;
  readonly last_seen: number;
  /** Of the last 24 hours, the current one included, oldest first. */
  readonly hourly: readonly number[];
  /** Ids of up to three jobs. */
  readonly examples: readonly string[];
}

/** `to` is exclusive. Both are multiples of the step, or of an hour for errors, in epoch ms. */
export interface HistoryPeriod {
  readonly from: number;
  readonly to: number;
  /** Undefined: all. */
  readonly types: readonly string[] | undefined;
}

/** With histograms in place of percentiles. */
type Stored<Counts> = Omit<Counts, "pickup" | "run"> & { readonly pickup: Histogram; readonly run: Histogram };
type ErrorRow = Omit<ErrorGroup, "hourly"> & { readonly hourly: Readonly<Record<string, number>> };

const HOURS = 24;
/** Versions that one read returns at most, beside the one in force. */
const MAX_VERSIONS = 1_000;

export class HistoryReader {
  readonly #pool: ReadPool;

  constructor(databaseUrl: string) {
    this.#pool = new ReadPool(databaseUrl, "history", 1); // a read of two years must not keep other reads waiting
  }

  /** The steps that have any job, in any order. Rejects with `store_unavailable` while Postgres is away. */
  async series(step: SeriesStep, { from, to, types }: HistoryPeriod): Promise<SeriesPoint[]> {
    const rows = await this.#pool.query<Stored<SeriesPoint>>(SERIES, [step, from, to, types ?? null]);
    return rows.map((row) => ({ ...row, pickup: percentilesOf(row.pickup), run: percentilesOf(row.run) }));
  }

  /** The counts of each type that has any job, those with the most run time first. Rejects as {@link series}. */
  async types(step: SeriesStep, { from, to, types }: HistoryPeriod): Promise<TypeTotals[]> {
    const rows = await this.#pool.query<Stored<TypeTotals>>(SERIES_TYPES, [step, from, to, types ?? null]);
    return rows.map((row) => ({ ...row, pickup: percentilesOf(row.pickup), run: percentilesOf(row.run) }));
  }

  /**
   * The versions that replicas began to run in a period, up to the newest 1,000, after the one in force at its start;
   * the oldest first. Rejects as {@link series}.
   */
  versions({ from, to }: Pick<HistoryPeriod, "from" | "to">): Promise<VersionStart[]> {
    return this.#pool.query<VersionStart>(VERSIONS, [from, to, MAX_VERSIONS]);
  }

  /** When the version that was started last first ran, epoch ms; null if no earlier one is known. Rejects as {@link series}. */
  async versionSince(): Promise<number | null> {
    const [row] = await this.#pool.query<{ since: number }>(VERSION_SINCE, []);
    return row?.since ?? null;
  }

  /**
   * Records the version of a starting replica, unless it is that of the replica which started last. Rejects as
   * {@link series}.
   */
  async recordVersion(version: string): Promise<void> {
    await this.#pool.query(VERSION_ADD, [version]);
  }

  /**
   * The samples of a queue, oldest first: the maximum of each step that has any. A queue without a sample after one of
   * depth 0 is empty. Rejects as {@link series}.
   * @param stepMs a multiple of a minute, of which `from` and `to` are multiples
   */
  queue(type: string, { from, to }: Pick<HistoryPeriod, "from" | "to">, stepMs: number): Promise<QueueSample[]> {
    return this.#pool.query<QueueSample>(SAMPLES, [type, from, to, stepMs]);
  }

  /**
   * The groups of a period, the most frequent first. Rejects with `store_unavailable` while Postgres is away.
   * @param limit how many are returned at most
   * @param now epoch ms, the end of `hourly`
   */
  async errors({ from, to, types }: HistoryPeriod, limit: number, now: number): Promise<ErrorGroup[]> {
    const firstHour = (Math.floor(now / HOUR_MS) - HOURS + 1) * HOUR_MS;
    const rows = await this.#pool.query<ErrorRow>(ERRORS, [from, to, types ?? null, limit, firstHour]);
    return rows.map(({ hourly, ...group }) => ({
      ...group,
      hourly: Array.from({ length: HOURS }, (_, index) => hourly[index] ?? 0),
    }));
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
