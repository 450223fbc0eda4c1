/**
 * Reads of `jobs`: finished jobs by id, and lists of them by ranges of ids. Reads of one job, lists, and scans of the
 * history have separate connections, so none waits behind a longer one.
 */

import type { FlowMember } from "../core/flows/flow.ts";
import type { JobOptions, JobView, Submission } from "../core/job.ts";
import type { JobFilters } from "../core/job-filters.ts";
import { encodeWhole } from "../core/packed-job.ts";
import type { WalkPage } from "../core/reruns.ts";
import { CodedError } from "../errors.ts";
import { ReadPool } from "../postgres/read-pool.ts";
import { readSql } from "../postgres/sql.ts";
import { submissionOf } from "./acceptance-log/stored-submission.ts";
import { eraseRows } from "./erase.ts";
import { HistoryReader } from "./history/history-reader.ts";
import type { HistoryRange } from "./history-scans.ts";
import { HistoryScans } from "./history-scans.ts";
import type { JobPage, JobRange } from "./job-pages.ts";
import { readJobPage } from "./job-pages.ts";
import type { JobRow } from "./job-row.ts";
import { viewOfRow } from "./job-row.ts";

const GET = readSql(new URL("./job-get.sql", import.meta.url));
const STATES = readSql(new URL("./job-states.sql", import.meta.url));
const OPTIONS = readSql(new URL("./job-options.sql", import.meta.url));
const PAYLOAD = readSql(new URL("./job-payload.sql", import.meta.url));
const ATTEMPTS = readSql(new URL("./job-attempts.sql", import.meta.url));
const AMONG = readSql(new URL("./jobs-among.sql", import.meta.url));
const MEMBERS = readSql(new URL("./members.sql", import.meta.url));
const ACCEPTED = readSql(new URL("./acceptance-log/read.sql", import.meta.url));
const AMEND = readSql(new URL("./acceptance-log/amend.sql", import.meta.url));
const WITHDRAW = readSql(new URL("./acceptance-log/withdraw.sql", import.meta.url));
const COMMITTED = readSql(new URL("./acceptance-log/among.sql", import.meta.url));

/** The number of concurrent page reads: a page may have 8 MiB. */
const LIST_CONNECTIONS = 2;
/** A job as its row has it. */
export interface RecordedJob extends JobView {
  readonly hasCallback: boolean;
}

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
  async get(id: string): Promise<RecordedJob | undefined> {
    const [row] = await this.#pool.query<JobRow & { readonly has_callback: boolean }>(GET, [id]);
    return row && { ...viewOfRow(row), hasCallback: row.has_callback };
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

  /**
   * Replaces the submission that {@link accepted} returns, unless a later update of the job has replaced it. It changes
   * nothing if Postgres has not accepted the job.
   */
  async amend(id: string, submission: Submission): Promise<void> {
    const { text, data } = encodeWhole(submission);
    const packed = data ? Buffer.concat([Buffer.from(text), data]) : text;
    await this.#pool.query(AMEND, [id, packed, submission.options.revision ?? 0]).catch((error: unknown) => {
      if (!(error instanceof CodedError)) throw error;
      const detail = "The job was changed, but Postgres cannot store the change now: repeat the request.";
      throw new CodedError("store_unavailable", 503, detail, { cause: error, retryAfterMs: 2_000 });
    });
  }

  /** The bytes of a job's payload, if {@link get} omits it; undefined if Postgres has no such job. */
  async payload(id: string): Promise<Uint8Array | undefined> {
    const [row] = await this.#pool.bytes<{ payload: Uint8Array }>(PAYLOAD, [id]);
    return row?.payload;
  }

  /**
   * The options of this job's submission that have no column: `expires_at`, `timeout_ms`, `backoff`, `callback_url`,
   * `api_key`.
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

  /** The jobs of a range of ids that pass the filters, newest first, and the lowest id examined. */
  range(range: JobRange): Promise<JobPage> {
    return readJobPage((text, values) => this.#lists.query(text, values), range);
  }

  /**
   * The ids of the jobs that pass the filters and had finished by then, newest first, in slices, without erased
   * ones. All scans together read one slice at a time. Rejects with the signal's reason when it is aborted.
   */
  matching(filters: JobFilters, range: HistoryRange): AsyncGenerator<WalkPage> {
    return this.#scans.matching(filters, range);
  }

  /** Those of the ids that have a row. */
  async among(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const sorted = [...ids].sort();
    return new Set(
      (await this.#pool.query<{ id: string }>(AMONG, [sorted, sorted[0], sorted.at(-1)])).map(({ id }) => id),
    );
  }

  /** The flows that those of these jobs belong to that have a row. */
  async members(ids: readonly string[]): Promise<Map<string, FlowMember>> {
    if (ids.length === 0) return new Map();
    const sorted = [...ids].sort();
    type Row = { readonly id: string; readonly flow: FlowMember };
    const rows = await this.#pool.query<Row>(MEMBERS, [sorted, sorted[0], sorted.at(-1)]);
    return new Map(rows.map(({ id, flow }) => [id, flow]));
  }

  /** Those of the ids that were committed before Redis got them, and are still in `accepted`. */
  async committed(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const sorted = [...ids].sort();
    return new Set(
      (await this.#pool.query<{ id: string }>(COMMITTED, [sorted, sorted[0], sorted.at(-1)])).map(({ id }) => id),
    );
  }

  /**
   * Withdraws jobs that were committed for a batch which then did not take them: they must not run, and their
   * Idempotency-Key is free again.
   * @param batch its id @param ids of the jobs, rising
   */
  async withdraw(batch: string, ids: readonly string[], key?: string): Promise<void> {
    await this.#pool.query(WITHDRAW, [batch, ids, ids[0], ids.at(-1), key ?? null]);
  }

  /**
   * Erases payload, result, error message, messages and logs of attempts, and the options except for the API key, of
   * those of the jobs that have a row. All or none; a repeat changes nothing.
   * @param at epoch ms
   * @returns the ids that have a row
   */
  erase(ids: readonly string[], at: number): Promise<string[]> {
    return this.#pool.transact((client) => eraseRows(client, ids, at));
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
