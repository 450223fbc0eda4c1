/**
 * A connection to Postgres for one caller: opened by the call that needs it, and given up after any error, since what a
 * failed COPY leaves of a connection is not to be relied on.
 */
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";

export interface ExclusiveClientOptions {
  readonly databaseUrl: string;
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
  /** How long one call may take; then the connection is cut, and the call rejects. */
  readonly timeoutMs: number;
}

export class ExclusiveClient {
  readonly #options: ExclusiveClientOptions;
  #client: pg.Client | undefined;

  constructor(options: ExclusiveClientOptions) {
    this.#options = options;
  }

  /** Runs `work` on the connection, within the time limit. */
  async use<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
    const timer = setTimeout(() => this.cut(), this.#options.timeoutMs);
    try {
      return await work(this.#client ?? (await this.#connect()));
    } catch (error) {
      this.cut();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Cuts the connection, whatever is under way: that rejects. The next call opens a new one. */
  cut(): void {
    const client = this.#client;
    this.#client = undefined;
    // `end()` would wait for the other side where no query is under way.
    if (client) (client as unknown as { readonly connection: pg.Connection }).connection.stream.destroy();
  }

  async #connect(): Promise<pg.Client> {
    const { databaseUrl, applicationName, connectTimeoutMs, timeoutMs } = this.#options;
    const client = new pg.Client({
      connectionString: databaseUrl,
      application_name: applicationName,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
      // So that the server, too, gives up what this side has: else its locks would meet the repeat.
      statement_timeout: timeoutMs,
      idle_in_transaction_session_timeout: timeoutMs,
    });
    this.#client = client;
    const forget = (): void => {
      if (this.#client === client) this.#client = undefined;
    };
    client.on("error", forget); // between calls; within one, the call rejects
    client.on("end", forget);
    await client.connect();
    return client;
  }
}

/** Of the library's stream: what pg calls when the server takes rows. Its types leave it out. */
interface CopyQuery {
  submit(connection: pg.Connection): void;
  handleCopyInResponse(connection: pg.Connection): void;
}

/**
 * Sends rows with a COPY statement. They do not wait for the server to say that it takes them, which saves a
 * round trip: where it does not, it skips them (PostgreSQL manual, "Message Flow", COPY Operations).
 */
export function copyIn(client: pg.Client, sql: string, rows: readonly Uint8Array[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = copyFrom(sql);
    stream.on("error", reject);
    stream.on("finish", resolve); // after ReadyForQuery: committed, outside a transaction
    for (const part of rows) stream.write(part);
    stream.end();
    const query = stream as unknown as CopyQuery;
    const submit = query.submit.bind(query);
    query.submit = (connection) => {
      connection.stream.cork(); // statement and rows in one write
      submit(connection);
      query.handleCopyInResponse(connection);
      connection.stream.uncork();
    };
    client.query(stream);
  });
}
