/** The harness's view of Postgres, with a new connection for each query, because scenarios kill Postgres. */
import pg from "pg";

/** The fields of a terminal record that the checks need. Times are epoch ms. */
export interface Row {
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly worker: string | null;
  readonly key: string | null;
  readonly code: string | null;
  readonly created_at: number;
  readonly run_at: number | null;
  readonly started_at: number | null;
  /** Excludes attempts that a destination limit released, because they did nothing. */
  readonly earlier: readonly {
    readonly outcome: string;
    readonly worker: string;
    readonly started_at: number;
    readonly finished_at: number;
  }[];
}

const ROWS = `select id, type, status, attempt, max_attempts, worker, tags[1] as key, error->>'code' as code, 
  coalesce((select json_agg(one order by n) from json_array_elements(attempts) with ordinality as record (one, n)
    where one->'error'->>'code' is distinct from 'destination_limited'), '[]') as earlier,
  (extract(epoch from created_at) * 1000)::float8 as created_at, (extract(epoch from run_at) * 1000)::float8 as run_at,
  (extract(epoch from started_at) * 1000)::float8 as started_at from jobs`;

export class PostgresView {
  readonly url: string;
  /** Kept open between the calls of {@link copyingPids}, which come every few milliseconds. */
  #watcher: pg.Client | undefined;

  constructor(url: string) {
    this.url = url;
  }

  async query<Result extends object>(sql: string, values: readonly unknown[] = []): Promise<Result[]> {
    const client = await this.connect();
    try {
      return (await client.query(sql, [...values])).rows as Result[];
    } finally {
      await client.end();
    }
  }

  /** A session for a lock. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url, application_name: "chaos" });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  }

  rows(): Promise<Row[]> {
    return this.query<Row>(ROWS);
  }

  /** Counts the jobs among these that have a terminal record. */
  async countOf(ids: readonly string[]): Promise<number> {
    return Number(
      (await this.query<{ count: string }>("select count(*) from jobs where id = any($1::uuid[])", [ids]))[0]?.count,
    );
  }

  /** The backends that currently run a COPY. */
  async copyingPids(): Promise<number[]> {
    const sql =
      "select pid from pg_stat_activity where application_name = 'taskflow-recorder' and state = 'active' and query like 'copy %' and datname = current_database()";
    try {
      this.#watcher ??= await this.connect();
      return (await this.#watcher.query<{ pid: number }>(sql)).rows.map(({ pid }) => pid);
    } catch {
      await this.close(); // Postgres may be recovering: the next call opens a new session
      return [];
    }
  }

  async close(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    await watcher?.end();
  }
}
