/**
 * What the restore asks of `accepted` (worker/restore.ts), on a connection of its own that holds an advisory lock: of all
 * replicas on one namespace one leads, for as long as that connection lives. Behind a pooler no lock outlasts a transaction:
 * there the leader holds a lease, which it renews.
 */
import { randomUUID } from "node:crypto";
import type pg from "pg";
import type { Submission } from "../../core/job.ts";
import { decodeSubmission } from "../../core/packed-job.ts";
import { asStored } from "../../core/payload.ts";
import { cut, isPooled, postgresConnection, transact } from "../../postgres/connection.ts";
import { readSql } from "../../postgres/sql.ts";

const LEAD = readSql(new URL("./lead.sql", import.meta.url));
const LEASE = readSql(new URL("./lease.sql", import.meta.url));
const UNRECORDED = readSql(new URL("./unrecorded.sql", import.meta.url));
const READ = readSql(new URL("./read.sql", import.meta.url));
const GENERATION = readSql(new URL("./generation.sql", import.meta.url));
const SET_GENERATION = readSql(new URL("./generation-set.sql", import.meta.url));
/** A leader that is frozen, whose machine answers for it, leads no more: a session from which nothing comes for so long ends, and so does a lease. */
const SILENT_MS = 30_000;
const STATEMENT_TIMEOUT_MS = 30_000;

export interface Unrecorded {
  /** The highest id looked at; null when there was none. */
  readonly last: string | null;
  readonly jobs: readonly { readonly id: string; readonly bytes: number }[];
}

export interface AcceptedJob {
  readonly id: string;
  readonly submission: Submission;
}

export class Accepted {
  readonly #databaseUrl: string;
  readonly #namespace: string;
  #client: pg.Client | undefined;
  readonly #silentMs: number;
  /** Who holds the lease. */
  readonly #holder = randomUUID();
  /** By `performance.now()`: the last sign of life, and when this replica last asked to lead. */
  #askedAt = 0;
  #ledAt = 0;
  #leads = false;
  #isClosed = false;

  constructor(databaseUrl: string, namespace: string, silentMs = SILENT_MS) {
    this.#databaseUrl = databaseUrl;
    this.#namespace = namespace;
    this.#silentMs = silentMs;
  }

  /**
   * Tries to lead, where no other replica does.
   * @returns "new" at the first call that leads, "leads" at the next ones for as long as no connection was lost in between, else "no"
   */
  async lead(): Promise<"new" | "leads" | "no"> {
    const client = this.#client ?? (await this.#connect());
    if (isPooled(client)) return this.#lease();
    if (this.#leads) {
      if (performance.now() - this.#askedAt > this.#silentMs / 3) await this.generation(); // a sign of life
      return "leads";
    }
    const [row] = await this.#query<{ leads: boolean }>(LEAD, [this.#namespace]);
    this.#leads = row?.leads === true;
    return this.#leads ? "new" : "no";
  }

  async #lease(): Promise<"new" | "leads" | "no"> {
    const askedAt = performance.now();
    if (this.#leads && askedAt - this.#ledAt < this.#silentMs / 3) return "leads";
    const led = this.#leads && askedAt - this.#ledAt < this.#silentMs; // else another one may have led meanwhile
    this.#leads = false;
    const rows = await this.#query(LEASE, [this.#namespace, this.#holder, this.#silentMs]);
    this.#leads = rows.length > 0;
    this.#ledAt = askedAt;
    return this.#leads ? (led ? "leads" : "new") : "no";
  }

  /**
   * Looks at the first `limit` rows above one id and below another, for the jobs that are not recorded.
   * @throws pg's error when Postgres is away, as all here do; then this replica leads no more
   */
  async unrecorded(above: string, below: string, limit: number): Promise<Unrecorded> {
    type Row = { readonly last: string | null } & (
      | { readonly id: string; readonly bytes: number }
      | { readonly id: null }
    );
    const rows = await this.#query<Row>(UNRECORDED, [this.#namespace, above, below, limit]);
    return {
      last: rows[0]?.last ?? null,
      jobs: rows.flatMap((row) => (row.id === null ? [] : [{ id: row.id, bytes: row.bytes }])),
    };
  }

  /** The jobs of these ids that are not recorded, in the order of ids. */
  async read(ids: readonly string[]): Promise<AcceptedJob[]> {
    const rows = await this.#query<{ id: string; submission: string }>(READ, [ids]);
    return rows.map(({ id, submission }) => ({ id, submission: submissionOf(id, submission) }));
  }

  /** The mark of the Redis whose jobs are complete; undefined before the first. */
  async generation(): Promise<string | undefined> {
    const [row] = await this.#query<{ generation: string }>(GENERATION, [this.#namespace]);
    return row?.generation;
  }

  async setGeneration(generation: string): Promise<void> {
    await this.#query(SET_GENERATION, [this.#namespace, generation]);
  }

  /** Leads no more, and cuts off what is under way; one that is still connecting cannot be ended in order. Idempotent. */
  close(): Promise<void> {
    this.#isClosed = true;
    if (this.#client) this.#drop(this.#client);
    return Promise.resolve();
  }

  async #query<Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    const client = this.#client ?? (await this.#connect());
    this.#askedAt = performance.now();
    const ask = async (own: pg.Client): Promise<Row[]> =>
      (await own.query<Row & pg.QueryResultRow>(sql, [...values])).rows;
    try {
      return await (isPooled(client) ? transact(client, ask) : ask(client));
    } catch (error) {
      this.#drop(client); // what a failed call leaves of a connection, and of its lock, is not to be relied on
      throw error;
    }
  }

  async #connect(): Promise<pg.Client> {
    if (this.#isClosed) throw new Error("this replica is shutting down");
    const { client, open } = postgresConnection({
      databaseUrl: this.#databaseUrl,
      name: "restore",
      idleSessionMs: this.#silentMs,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      answerTimeoutMs: STATEMENT_TIMEOUT_MS + 2_000,
    });
    this.#client = client;
    client.on("error", () => this.#drop(client));
    client.on("end", () => this.#drop(client));
    try {
      await open();
    } catch (error) {
      this.#drop(client);
      throw error;
    }
    return client;
  }

  #drop(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#leads = false;
    cut(client);
  }
}

/** @param text as the acceptance log has it */
export function submissionOf(id: string, text: string): Submission {
  const { type, payload, priority, maxAttempts, groupKey, options } = decodeSubmission(id, text);
  return { type, payload: asStored(payload), priority, maxAttempts, groupKey, options };
}
