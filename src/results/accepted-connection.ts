/**
 * The acceptor's own connection to Postgres: opened by the call that needs it, and given up after any error, since what
 * a failed COPY leaves of a connection is not to be relied on.
 */
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { RowBuffer } from "./row-buffer.ts";
import { readSql } from "./sql.ts";

const COPY = readSql("accepted-copy.sql");
const CLAIM_KEYS = readSql("accepted-keys-claim.sql");
const READ_KEYS = readSql("accepted-keys-read.sql");

/** A key that a submission came with. */
export interface KeyClaim {
  readonly key: string;
  readonly fingerprint: string;
  readonly firstId: string;
  readonly ttlMs: number;
}

/** What a key stands for. */
export interface KnownKey {
  readonly fingerprint: string;
  readonly firstId: string;
}

interface KeyRow {
  readonly key: string;
  readonly fingerprint: string;
  readonly first_id: string;
}

export class AcceptedConnection {
  readonly #databaseUrl: string;
  readonly #namespace: string;
  readonly #timeoutMs: number;
  readonly #rows = new RowBuffer();
  #client: pg.Client | undefined;

  /** @param timeoutMs how long one call may take; then the connection is cut, and the call rejects */
  constructor(databaseUrl: string, namespace: string, timeoutMs: number) {
    this.#databaseUrl = databaseUrl;
    this.#namespace = namespace;
    this.#timeoutMs = timeoutMs;
  }

  /** Connects, where that is not done: what fails here has changed nothing. */
  async open(): Promise<void> {
    await this.use(() => Promise.resolve());
  }

  /** Appends rows of COPY text to `accepted`: all of them, or none and the error. */
  copy(rows: readonly string[]): Promise<void> {
    return this.use((client) => this.#copyIn(client, rows));
  }

  /**
   * Claims keys, and appends the rows of those submissions that `admits` lets in, all in one transaction.
   * @param rowsOf gets what each key stands for now, by whoever claimed it first, and says what is appended
   */
  copyWithKeys(claims: readonly KeyClaim[], rowsOf: (known: ReadonlyMap<string, KnownKey>) => readonly string[]): Promise<void> {
    return this.use(async (client) => {
      await client.query("begin");
      const keys = claims.map(({ key }) => key);
      await client.query(CLAIM_KEYS, [this.#namespace, keys, claims.map(({ fingerprint }) => fingerprint), claims.map(({ firstId }) => firstId), claims.map(({ ttlMs }) => ttlMs)]);
      const { rows } = await client.query<KeyRow>(READ_KEYS, [this.#namespace, keys]);
      const known = new Map(rows.map(({ key, fingerprint, first_id: firstId }) => [key, { fingerprint, firstId }]));
      await this.#copyIn(client, rowsOf(known));
      await client.query("commit");
    });
  }

  /** Cuts the connection, whatever is under way: that rejects. The next call opens a new one. */
  cut(): void {
    const client = this.#client;
    this.#client = undefined;
    // `end()` would wait for the other side where no query is under way.
    if (client) (client as unknown as { readonly connection: pg.Connection }).connection.stream.destroy();
  }

  /** Runs `work` on the connection, within the time limit. */
  async use<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
    const timer = setTimeout(() => this.cut(), this.#timeoutMs);
    try {
      return await work(this.#client ?? (await this.#connect()));
    } catch (error) {
      this.cut();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#databaseUrl,
      application_name: "taskflow-acceptor",
      connectionTimeoutMillis: this.#timeoutMs,
      keepAlive: true,
      // So that the server, too, gives up what this side has.
      statement_timeout: this.#timeoutMs,
      idle_in_transaction_session_timeout: this.#timeoutMs,
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

  #copyIn(client: pg.Client, rows: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = client.query(copyFrom(COPY));
      stream.on("error", reject);
      stream.on("finish", resolve); // after ReadyForQuery
      stream.end(this.#rows.fill(rows, (row) => row));
    });
  }
}
