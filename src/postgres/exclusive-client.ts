/**
 * A connection to Postgres for one caller. A call opens it on demand, and any error closes it, since a failed COPY may
 * leave a connection in any state.
 */
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { cut, isPooled, postgresConnection, transact } from "./connection.ts";
import { LockWatch } from "./lock-watch.ts";

export interface ExclusiveClientOptions {
  readonly databaseUrl: string;
  /** As in {@link PostgresOptions}. */
  readonly name: string;
  readonly connectTimeoutMs: number;
  /** How long one call may take; then the connection is cut, and the call rejects. */
  readonly timeoutMs: number;
  /** Postgres ends the session when it is idle within a transaction for this long. Default: `timeoutMs`. */
  readonly idleInTransactionMs?: number;
  /** Postgres ends the session when it is idle for this long. Default: never. */
  readonly idleSessionMs?: number;
  /** Called when a call waits for a lock for longer than `afterMs`, with the lock and its holder. */
  readonly lockWait?: { readonly afterMs: number; readonly onWait: (wait: string) => void } | undefined;
}

export class ExclusiveClient {
  readonly #options: ExclusiveClientOptions;
  #client: pg.Client | undefined;

  constructor(options: ExclusiveClientOptions) {
    this.#options = options;
  }

  /** Connects if it is not connected. */
  async open(): Promise<void> {
    await this.#within(() => Promise.resolve());
  }

  /** Runs `work` on the connection, within the time limit. Only behind a pooler it runs in a transaction. */
  use<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
    return this.#within((client) => (isPooled(client) ? transact(client, work) : work(client)));
  }

  /** Runs `work` in one transaction, within the time limit. */
  transact<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
    return this.#within((client) => transact(client, work));
  }

  async #within<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
    const { timeoutMs, databaseUrl, lockWait } = this.#options;
    const timer = setTimeout(() => this.cut(), timeoutMs);
    let watch: LockWatch | undefined;
    try {
      const client = this.#client ?? (await this.#connect());
      if (lockWait) watch = new LockWatch({ databaseUrl, client, periodMs: lockWait.afterMs, onWait: lockWait.onWait });
      return await work(client);
    } catch (error) {
      this.cut();
      throw error;
    } finally {
      watch?.close();
      clearTimeout(timer);
    }
  }

  /** Cuts the connection; a call in progress rejects. The next call opens a new one. */
  cut(): void {
    const client = this.#client;
    this.#client = undefined;
    if (client) cut(client);
  }

  async #connect(): Promise<pg.Client> {
    const { timeoutMs, ...options } = this.#options;
    // The server gets the limits, too: if it went on after this client gave up, its locks would block the retry.
    const { client, open } = postgresConnection({
      idleInTransactionMs: timeoutMs,
      ...options,
      statementTimeoutMs: timeoutMs,
    });
    this.#client = client;
    const forget = (): void => {
      if (this.#client === client) this.#client = undefined;
    };
    client.on("error", forget); // between calls; within one, the call rejects
    client.on("end", forget);
    await open();
    return client;
  }
}

/** A method of the library's stream, missing in its types. pg calls it when the server is ready for rows. */
interface CopyQuery {
  submit(connection: pg.Connection): void;
  handleCopyInResponse(connection: pg.Connection): void;
  handleRowDescription(): void;
  handleDataRow(): void;
}

/**
 * Runs a COPY. Further statements may follow it in `sql`: Postgres runs all of them in one transaction, and their rows
 * are ignored. Sends the rows together with the COPY statement, without waiting for the server's consent, which saves a round trip.
 * A server that rejects the statement skips the rows (PostgreSQL manual, "Message Flow", COPY Operations).
 */
export function copyIn(client: pg.Client, sql: string, rows: readonly Uint8Array[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = copyFrom(sql);
    stream.on("error", reject);
    stream.on("finish", resolve); // after ReadyForQuery: committed, outside a transaction
    for (const part of rows) stream.write(part);
    stream.end();
    const query = stream as unknown as CopyQuery;
    query.handleRowDescription = query.handleDataRow = () => undefined; // of a further statement
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
