/** Connections for reads of one kind. */
import type pg from "pg";
import { TaskFlowError } from "../errors.ts";
import { outageOf } from "../observability/outage.ts";
import { isPooled, postgresPool, transact } from "./connection.ts";
import { isUnavailable } from "./failure.ts";

const STATEMENT_TIMEOUT_MS = 10_000;
const AS_BYTES = { getTypeParser: () => (value: unknown) => value } as unknown as pg.CustomTypesConfig;

export class ReadPool {
  readonly #pool: pg.Pool;

  /**
   * @param name of the connections, as in {@link PostgresOptions} @param size their maximum number; they open on demand
   */
  constructor(databaseUrl: string, name: string, size: number) {
    this.#pool = postgresPool({
      databaseUrl,
      name,
      size,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      answerTimeoutMs: STATEMENT_TIMEOUT_MS + 2_000,
    });
  }

  /** Rejects with `store_unavailable` while Postgres is away. */
  query<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> {
    return this.#run<Row>({ text, values: [...values] });
  }

  /** As {@link query}, with values in Postgres's binary format: `json` and `text` are their UTF-8 bytes. */
  bytes<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> {
    return this.#run<Row>({ text, values: [...values], binary: true, types: AS_BYTES });
  }

  async #run<Row extends object>(query: pg.QueryConfig & { readonly binary?: boolean }): Promise<Row[]> {
    try {
      return await this.#answer<Row>(query);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      throw new TaskFlowError(
        "store_unavailable",
        503,
        `Finished jobs cannot be read from Postgres now: ${outageOf(error)}`,
        { cause: error, retryAfterMs: 2_000 },
      );
    }
  }

  async #answer<Row extends object>(query: pg.QueryConfig): Promise<Row[]> {
    const client = await this.#pool.connect();
    let hasFailed = true;
    try {
      const { rows } = await (isPooled(client)
        ? transact(client, (own) => own.query<Row & pg.QueryResultRow>(query))
        : client.query<Row & pg.QueryResultRow>(query));
      hasFailed = false;
      return rows;
    } finally {
      client.release(hasFailed); // the pool closes it after a failure
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}
