/** Connections for reads of one kind, and for short changes. */
import type pg from "pg";
import { CodedError } from "../errors.ts";
import { outageOf } from "../observability/outage.ts";
import { isPooled, postgresPool, transact } from "./connection.ts";
import { isUnavailable } from "./failure.ts";

const STATEMENT_TIMEOUT_MS = 10_000;
const AS_BYTES = { getTypeParser: () => (value: unknown) => value } as unknown as pg.CustomTypesConfig;

export class ReadPool {
  readonly #pool: pg.Pool;
  readonly #failure: string;

  /**
   * @param name of the connections, as in {@link PostgresOptions} @param size their maximum number; they open on demand
   * @param failure the start of the message while Postgres is away
   */
  constructor(
    databaseUrl: string,
    name: string,
    size: number,
    failure = "Finished jobs cannot be read from Postgres now",
  ) {
    this.#failure = failure;
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

  /** Runs `work` in one transaction. Rejects as {@link query} does. */
  transact<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    return this.#use((client) => transact(client, work));
  }

  #run<Row extends object>(query: pg.QueryConfig & { readonly binary?: boolean }): Promise<Row[]> {
    const rowsOf = async (client: pg.PoolClient): Promise<Row[]> =>
      (await client.query<Row & pg.QueryResultRow>(query)).rows;
    return this.#use((client) => (isPooled(client) ? transact(client, rowsOf) : rowsOf(client)));
  }

  async #use<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    try {
      return await this.#withClient(work);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      throw new CodedError("store_unavailable", 503, `${this.#failure}: ${outageOf(error)}`, {
        cause: error,
        retryAfterMs: 2_000,
      });
    }
  }

  async #withClient<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect();
    let hasFailed = true;
    try {
      const result = await work(client);
      hasFailed = false;
      return result;
    } finally {
      client.release(hasFailed); // the pool closes it after a failure
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}
