/** The jobs that Postgres has, for `taskflow verify`. */

import type pg from "pg";
import { LOWEST_ID } from "../core/id.ts";
import { StartError } from "../errors.ts";
import type { PostgresConnection } from "../postgres/connection.ts";
import { postgresConnection } from "../postgres/connection.ts";
import { readSql } from "../postgres/sql.ts";
import { failureOf } from "../postgres/unusable-postgres.ts";

const AMONG = readSql(new URL("./jobs-among.sql", import.meta.url));
const TOTAL = readSql(new URL("./jobs-total.sql", import.meta.url));
const UNRECORDED = readSql(new URL("./acceptance-log/unrecorded.sql", import.meta.url));
const DIFFERENCES = readSql(new URL("./history/differences.sql", import.meta.url));
const SLICE = 1_000;
/** A count of a table with many millions of rows may take this long. */
const TIMEOUT_MS = 120_000;

/** Completed, failed, cancelled, retries, errors, milliseconds of run time (not of early hours); empty if there are none. */
export interface HistoryDifference {
  /** Epoch ms. */
  readonly hour: number;
  readonly type: string;
  /** By the rows of `jobs`. */
  readonly stored: string;
  /** By the history. */
  readonly counted: string;
}

export class StoredJobs {
  readonly #client: pg.Client;
  readonly #open: PostgresConnection["open"];
  #closing: Promise<void> | undefined;

  constructor(databaseUrl: string) {
    const { client, open } = postgresConnection({
      databaseUrl,
      name: "verify",
      connectTimeoutMs: 10_000,
      statementTimeoutMs: TIMEOUT_MS,
      answerTimeoutMs: TIMEOUT_MS + 2_000,
    });
    this.#client = client;
    this.#open = open;
  }

  /** @throws StartError, in one sentence, when Postgres cannot be reached */
  async open(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      throw error instanceof StartError
        ? error
        : new StartError(
            failureOf(`Postgres at ${this.#client.host}:${this.#client.port} does not answer`, error),
            error,
          );
    }
  }

  /** The ids that have a row: terminal jobs. */
  async among(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const sorted = [...ids].sort();
    const { rows } = await this.#client.query<{ id: string }>(AMONG, [sorted, sorted[0], sorted.at(-1)]);
    return new Set(rows.map(({ id }) => id));
  }

  /**
   * The ids below one, in slices, whose submission is committed (`durability: postgres`) and which have no row in
   * `jobs`.
   */
  async *unrecorded(namespace: string, below: string): AsyncGenerator<string[]> {
    for (let above = LOWEST_ID; ; ) {
      const { rows } = await this.#client.query<{ last: string | null; id: string | null }>(UNRECORDED, [
        namespace,
        above,
        below,
        SLICE,
      ]);
      const ids = rows.flatMap(({ id }) => (id === null ? [] : [id]));
      if (ids.length > 0) yield ids;
      const last = rows[0]?.last ?? null;
      if (last === null) return;
      above = last;
    }
  }

  /** The number of rows, and the time at which the table was created (epoch ms). */
  async total(): Promise<{ readonly rows: number; readonly since: number }> {
    const { rows } = await this.#client.query<{ rows: number; since: number }>(TOTAL);
    return rows[0] ?? { rows: 0, since: 0 };
  }

  /**
   * The hours and types whose counts in the history differ from the rows, up to 1,000. It is the difference of one
   * instant, so the system may be running.
   * @param from epoch ms; the rows of jobs that finished since then must all be there
   */
  async historyDifferences(from: number): Promise<HistoryDifference[]> {
    return (await this.#client.query<HistoryDifference>(DIFFERENCES, [from])).rows;
  }

  close(): Promise<void> {
    this.#closing ??= this.#client.end();
    return this.#closing;
  }
}
