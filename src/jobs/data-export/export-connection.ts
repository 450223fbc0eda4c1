/**
 * The connection of one export: a read-only transaction on one snapshot, with a time limit. Rows are read with COPY: a
 * million rows of six columns cost 0.8 s of processor time here, including guarded CSV cells. A cursor
 * (pg-query-stream) with an encoder of rows costs 1.7 s, and does not reach 0.6 of the speed of `psql \copy`.
 */
import type pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { codeOf, messageOf, StartError } from "../../errors.ts";
import type { PostgresConnection } from "../../postgres/connection.ts";
import { begin, cut, postgresConnection } from "../../postgres/connection.ts";
import type { SourceColumn } from "./column.ts";
import { exportError } from "./error-codes.ts";
import { rejectionOf } from "./rejected-value.ts";
import { columnsOf } from "./sql-types.ts";

export interface ExportConnectionOptions {
  readonly url: string;
  readonly timeoutMs: number;
  /** The IANA zone in which times with a zone are written. */
  readonly timeZone: string;
}

/**
 * SQLSTATE classes of errors in the query or its values, which a retry cannot resolve: features, data, read-only,
 * syntax and names.
 */
const FINAL_CLASSES = new Set(["0A", "21", "22", "25", "42"]);
const QUERY_CANCELED = "57014";
/**
 * character_not_in_repertoire and untranslatable_character: texts that are not valid UTF-8 (SQL_ASCII stores any
 * bytes), or have no equivalent in it.
 */
const NO_UTF8 = new Set(["22021", "22P05"]);

/**
 * How soon Postgres notices that an export was cancelled or its replica has ended: a terminated thread cannot close its
 * connection.
 */
const LOOK_FOR_CLIENT = "set local client_connection_check_interval = '1s'";

/** An export that is idle within its transaction for this long is frozen, and prevents tables from being altered. */
const IDLE_MS = 600_000;

/**
 * Defines how Postgres prints values, independently of the server, the role and the database. The settings end with the
 * transaction, so a connection pooler can reuse the connection. `lc_monetary` also decides how many digits of an amount
 * are its fraction, so it is replaced only if the amounts stay the same.
 */
const SETTINGS = `select set_config('statement_timeout', $1, true), set_config('timezone', $2, true), set_config('datestyle', 'ISO', true),
  set_config('intervalstyle', 'postgres', true), set_config('bytea_output', 'hex', true), set_config('extra_float_digits', '3', true),
  set_config('client_encoding', 'UTF8', true), set_config('quote_all_identifiers', 'off', true),
  set_config('lc_monetary', case when scale(1::money::numeric) = 2 then 'C' else current_setting('lc_monetary') end, true)`;

export class ExportConnection {
  readonly #client: pg.Client;
  readonly #timeoutMs: number;
  #copiedRows: () => number = () => 0;

  private constructor(client: pg.Client, timeoutMs: number) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * @throws the error of pg if the database is unavailable; {@link PermanentError} `query_unavailable` if none is
   * configured
   */
  static async open({ url, timeoutMs, timeZone }: ExportConnectionOptions): Promise<ExportConnection> {
    // pg would fall back to the environment and to localhost
    if (url === "") throw exportError.permanent("query_unavailable", "DATABASE_URL is not set");
    const { client, open } = connectionOf(url, timeoutMs);
    try {
      await open();
      await begin(client, "isolation level repeatable read read only");
      await lookForClient(client);
      await client.query(SETTINGS, [String(timeoutMs), timeZone]);
      return new ExportConnection(client, timeoutMs);
    } catch (thrown) {
      cut(client);
      throw queryIssue(thrown, { isOverdue: false });
    }
  }

  /** The columns of a query. No row is computed. */
  async describe(sql: string): Promise<SourceColumn[]> {
    return this.#answered(async () => {
      const { fields } = await this.#client.query(`select * from (\n${sql}\n) as taskflow_rows limit 0`);
      return columnsOf(fields, (catalog, values) => this.#client.query(catalog, [...values]));
    });
  }

  /** The number of rows that the planner expects of a query. */
  async estimate(sql: string): Promise<number> {
    const { rows } = await this.#answered(() =>
      this.#client.query<{ "QUERY PLAN": [{ Plan: { "Plan Rows": number } }] }>(`explain (format json)\n${sql}`),
    );
    return rows[0]?.["QUERY PLAN"][0].Plan["Plan Rows"] ?? 0;
  }

  /**
   * The output of a COPY; it can be read once. @throws {PermanentError} `query_timeout`, `query_failed`, `export_value`
   */
  async *copy(text: string): AsyncGenerator<Buffer> {
    const startedMs = performance.now();
    const stream = copyTo(text);
    try {
      for await (const chunk of this.#client.query(stream) as AsyncIterable<Buffer>) yield chunk;
      await this.#client.query("commit"); // the row count arrives with it
      this.#copiedRows = () => stream.rowCount;
    } catch (thrown) {
      throw queryIssue(thrown, { isOverdue: performance.now() - startedMs >= this.#timeoutMs });
    }
  }

  /** The number of rows of the COPY, once it has been read to its end. */
  get rowCount(): number {
    return this.#copiedRows();
  }

  /** Cancels a running COPY by closing the connection: Postgres then ends the query. */
  close(): Promise<void> {
    return this.#client.end();
  }

  async #answered<T>(ask: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    try {
      return await ask();
    } catch (thrown) {
      throw queryIssue(thrown, { isOverdue: performance.now() - startedMs >= this.#timeoutMs });
    }
  }
}

/** Postgres before 14 and some operating systems do not support this setting: the export then runs without it. */
async function lookForClient(client: pg.Client): Promise<void> {
  await client.query("savepoint before_look");
  await client.query(LOOK_FOR_CLIENT).catch(() => client.query("rollback to before_look"));
}

/** A URL with an unsupported option is unusable, and retrying the job cannot resolve that. */
function connectionOf(databaseUrl: string, timeoutMs: number): PostgresConnection {
  try {
    return postgresConnection({
      databaseUrl,
      name: "export",
      connectTimeoutMs: 10_000,
      statementTimeoutMs: timeoutMs,
      idleInTransactionMs: Math.max(timeoutMs, IDLE_MS),
    });
  } catch (thrown) {
    throw thrown instanceof StartError ? exportError.permanent("query_unavailable", thrown.message, thrown) : thrown;
  }
}

function queryIssue(thrown: unknown, { isOverdue }: { readonly isOverdue: boolean }): unknown {
  const rejection = rejectionOf(thrown);
  if (rejection) return rejection;
  const code = codeOf(thrown) ?? "";
  if (code === QUERY_CANCELED && isOverdue)
    return exportError.permanent("query_timeout", "the query took longer than EXPORT_QUERY_TIMEOUT_MS allows", thrown);
  if (NO_UTF8.has(code))
    return exportError.permanent("export_value", `a text cannot be written as UTF-8: ${messageOf(thrown)}`, thrown);
  if (FINAL_CLASSES.has(code.slice(0, 2)))
    return exportError.permanent("query_failed", `the query failed: ${messageOf(thrown)}`, thrown);
  return thrown;
}
