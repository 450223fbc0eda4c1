/**
 * The recorder's own connection to Postgres: opened by the call that needs it, and given up after any error, since what
 * a failed COPY leaves of a connection is not to be relied on.
 */
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { Outcome } from "../core/job.ts";
import { addPartitions } from "./partitions.ts";
import { RowBuffer } from "./row-buffer.ts";
import { readSql } from "./sql.ts";

const COPY = readSql("copy-jobs.sql");
const STAGE_OPEN = readSql("stage-open.sql");
const STAGE_COPY = readSql("stage-copy.sql");
const STAGE_INSERT = readSql("stage-insert.sql");

const CONNECT_TIMEOUT_MS = 5_000;

/** An outcome as a row of COPY text, its newline included. */
export type RowEncoder = (outcome: Outcome) => string;

export class RecorderConnection {
  readonly #databaseUrl: string;
  readonly #timeoutMs: number;
  /** Free again when a call has ended: well, and Postgres has it all; or not, and the connection is cut. */
  readonly #rows = new RowBuffer();
  #client: pg.Client | undefined;

  /** @param timeoutMs how long one call may take; then the connection is cut, and the call rejects */
  constructor(databaseUrl: string, timeoutMs: number) {
    this.#databaseUrl = databaseUrl;
    this.#timeoutMs = timeoutMs;
  }

  /** Appends rows to `jobs`: all of them, or none and the error. */
  copy(batch: readonly Outcome[], encode: RowEncoder): Promise<void> {
    return this.#use((client) => copyIn(client, COPY, this.#rows.fill(batch, encode)));
  }

  /** As {@link copy}, but leaves out what the table holds already and what the rows hold twice. */
  stage(batch: readonly Outcome[], encode: RowEncoder): Promise<void> {
    return this.#use(async (client) => {
      await client.query("begin");
      await client.query(STAGE_OPEN);
      await copyIn(client, STAGE_COPY, this.#rows.fill(batch, encode));
      await client.query(STAGE_INSERT);
      await client.query("commit");
    });
  }

  /** Adds the partitions of these days that are missing. */
  addPartitions(days: Iterable<number>): Promise<void> {
    return this.#use((client) => addPartitions(client, days));
  }

  /** Cuts the connection, whatever is under way: that rejects. The next call opens a new one. */
  cut(): void {
    const client = this.#client;
    this.#client = undefined;
    if (client) destroySocket(client);
  }

  async #use(work: (client: pg.Client) => Promise<void>): Promise<void> {
    const timer = setTimeout(() => this.cut(), this.#timeoutMs);
    try {
      await work(this.#client ?? (await this.#open()));
    } catch (error) {
      this.cut();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #open(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#databaseUrl,
      application_name: "taskflow-recorder",
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      // So that the server, too, gives up what this side has: else its locks would meet the repeat.
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
}

function copyIn(client: pg.Client, sql: string, rows: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = client.query(copyFrom(sql));
    stream.on("error", reject);
    stream.on("finish", resolve); // after ReadyForQuery: committed
    stream.end(rows);
  });
}

/** `end()` would wait for the other side where no query is under way. */
function destroySocket(client: pg.Client): void {
  (client as unknown as { readonly connection: pg.Connection }).connection.stream.destroy();
}
