/** The acceptor's own connection to Postgres. */
import type pg from "pg";
import { ExclusiveClient, copyIn } from "./exclusive-client.ts";
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
  readonly #client: ExclusiveClient;
  readonly #namespace: string;
  readonly #rows = new RowBuffer();

  /** @param timeoutMs how long one call may take; then the connection is cut, and the call rejects */
  constructor(databaseUrl: string, namespace: string, timeoutMs: number) {
    this.#client = new ExclusiveClient({ databaseUrl, applicationName: "taskflow-acceptor", connectTimeoutMs: timeoutMs, timeoutMs });
    this.#namespace = namespace;
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
    this.#client.cut();
  }

  /** Runs `work` on the connection, within the time limit. */
  use<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
    return this.#client.use(work);
  }

  #copyIn(client: pg.Client, rows: readonly string[]): Promise<void> {
    return copyIn(client, COPY, this.#rows.fill(rows, (row) => row));
  }
}
