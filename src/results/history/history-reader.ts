/** Reads of the history: counts by minute, hour or day, and groups of errors. */
import { type Histogram, type Percentiles, percentilesOf } from "../../core/histogram.ts";
import { HOUR_MS } from "../../core/time.ts";
import { ReadPool } from "../../postgres/read-pool.ts";
import { readSql } from "../../postgres/sql.ts";

const SERIES = readSql(new URL("./series-read.sql", import.meta.url));
const ERRORS = readSql(new URL("./errors-read.sql", import.meta.url));

export type SeriesStep = "minute" | "hour" | "day";

/** Times are epoch ms. */
export interface SeriesPoint {
  readonly at: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly retries: number;
  /** Milliseconds; null if no job started. */
  readonly pickup: Percentiles | null;
  readonly run: Percentiles | null;
}

/** Failures with the same type, code and signature. Times are epoch ms. */
export interface ErrorGroup {
  readonly type: string;
  readonly code: string;
  readonly signature: string;
  readonly count: number;
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

type SeriesRow = Omit<SeriesPoint, "pickup" | "run"> & { readonly pickup: Histogram; readonly run: Histogram };
type ErrorRow = Omit<ErrorGroup, "hourly"> & { readonly hourly: Readonly<Record<string, number>> };

const HOURS = 24;

export class HistoryReader {
  readonly #pool: ReadPool;

  constructor(databaseUrl: string) {
    this.#pool = new ReadPool(databaseUrl, "history", 1); // a read of two years must not keep other reads waiting
  }

  /** The steps that have any job, in any order. Rejects with `store_unavailable` while Postgres is away. */
  async series(step: SeriesStep, { from, to, types }: HistoryPeriod): Promise<SeriesPoint[]> {
    const rows = await this.#pool.query<SeriesRow>(SERIES, [step, from, to, types ?? null]);
    return rows.map((row) => ({ ...row, pickup: percentilesOf(row.pickup), run: percentilesOf(row.run) }));
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
