/**
 * The audit: who changed what, and when. Entries wait in memory until Postgres has them, so that a pause works while
 * Postgres is away; a process that dies before that loses them.
 */
import { Periodic } from "../concurrency/periodic.ts";
import { at } from "../core/at.ts";
import { timeOfId } from "../core/id.ts";
import { ExclusiveClient } from "../postgres/exclusive-client.ts";
import { failureOf } from "../postgres/failure.ts";
import { ReadPool } from "../postgres/read-pool.ts";
import { readSql } from "../postgres/sql.ts";

const ADD = readSql(new URL("./audit-add.sql", import.meta.url));
const LIST = readSql(new URL("./audit-list.sql", import.meta.url));
/** Between attempts while Postgres is away. */
const PERIOD_MS = 5_000;
const TIMEOUT_MS = 5_000;
/** Entries that wait for Postgres. */
const MAX_WAITING = 1_000;

/** A change that somebody made. */
export interface AuditChange {
  /** A name such as `queues.pause` or `jobs.cancel`. */
  readonly action: string;
  /** What changed: the name of a type or host, the id of a job, a filter as JSON. */
  readonly target: string;
  /** Further facts, such as a reason. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  /** How many jobs changed, if it is known at once. */
  readonly count?: number | undefined;
  /** The job that makes the change. */
  readonly jobId?: string | undefined;
}

export interface AuditEntry extends AuditChange {
  /** The caller: an API key, or a user, who has no id; undefined if the server has no keys. */
  readonly key: { readonly id: string | null; readonly name: string } | undefined;
  readonly requestId: string;
}

/** An entry as Postgres has it; null where it has nothing. */
export interface StoredAuditEntry {
  readonly id: string;
  /** Epoch ms. */
  readonly at: number;
  readonly key_id: string | null;
  /** Without an id, the user of an auth proxy, or `cli`: the command `taskflow keys`. */
  readonly key_name: string | null;
  readonly action: string;
  readonly target: string;
  /** JSON. */
  readonly details: string | null;
  readonly count: number | null;
  readonly job_id: string | null;
  readonly request_id: string | null;
}

export interface AuditQuery {
  /** Only ids below this one. */
  readonly below: string;
  /** Only this id and those above. */
  readonly from: string;
  readonly limit: number;
  readonly actions: readonly string[] | undefined;
  /** Names or ids. */
  readonly keys: readonly string[] | undefined;
}

export interface AuditLogOptions {
  readonly databaseUrl: string;
  /** Gives ids whose time is that of the entry, rising. */
  readonly ids: { readonly next: () => string };
  readonly log: { readonly warn: (fields: object, message: string) => void };
  readonly periodMs?: number;
}

type Waiting = readonly [id: string, entry: AuditEntry];

export class AuditLog {
  readonly #ids: AuditLogOptions["ids"];
  readonly #log: AuditLogOptions["log"];
  readonly #client: ExclusiveClient;
  readonly #reads: ReadPool;
  readonly #writes: Periodic;
  readonly #waiting: Waiting[] = [];
  #closing: Promise<void> | undefined;

  constructor({ databaseUrl, ids, log, periodMs = PERIOD_MS }: AuditLogOptions) {
    this.#ids = ids;
    this.#log = log;
    this.#client = new ExclusiveClient({
      databaseUrl,
      name: "audit",
      connectTimeoutMs: TIMEOUT_MS,
      timeoutMs: TIMEOUT_MS,
    });
    this.#reads = new ReadPool(databaseUrl, "audit", 1);
    this.#writes = new Periodic({
      task: () => this.#writeAll(),
      periodMs,
      onError: (error) => log.warn({ error, waiting: this.#waiting.length }, "could not write the audit; trying again"),
    });
  }

  /**
   * Records a change, without waiting for Postgres. If 1,000 entries wait already, the oldest one is dropped and logged.
   */
  record(entry: AuditEntry): void {
    if (this.#waiting.length >= MAX_WAITING)
      this.#drop(this.#waiting.splice(0, 1), "too many of them wait for Postgres");
    this.#waiting.push([this.#ids.next(), entry]);
    this.#writes.start();
    this.#writes.wake();
  }

  /** The entries that match, newest first. Rejects with `store_unavailable` while Postgres is away. */
  list({ below, from, limit, actions, keys }: AuditQuery): Promise<StoredAuditEntry[]> {
    return this.#reads.query<StoredAuditEntry>(LIST, [below, from, limit, actions ?? null, keys ?? null]);
  }

  /** Resolves when the entries recorded so far are stored, or an attempt to store them has failed. */
  flush(): Promise<void> {
    return this.#writes.runNow();
  }

  /** Tries once to write the entries that wait, and logs the others. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#waiting.length > 0) await this.#writes.runNow();
    await this.#writes.close();
    this.#client.cut();
    await this.#reads.close();
    this.#drop(this.#waiting.splice(0), "Postgres did not take them before this replica ended");
  }

  async #writeAll(): Promise<void> {
    const entries = this.#waiting.slice();
    if (entries.length > 0) await this.#write(entries);
    if (this.#waiting.length === 0) this.#writes.stop();
  }

  /** Writes entries; one that Postgres cannot store must not keep the others from being written. */
  async #write(entries: readonly Waiting[]): Promise<void> {
    try {
      await this.#client.use((client) => client.query(ADD, columnsOf(entries)));
      this.#remove(entries);
    } catch (error) {
      if (failureOf(error) !== "bad_row") throw error;
      if (entries.length > 1) {
        for (const entry of entries) await this.#write([entry]);
        return;
      }
      this.#remove(entries);
      this.#drop(entries, `Postgres cannot store it: ${String(error)}`);
    }
  }

  /** An entry may have been dropped meanwhile. */
  #remove(entries: readonly Waiting[]): void {
    const removed = new Set(entries);
    this.#waiting.splice(0, this.#waiting.length, ...this.#waiting.filter((entry) => !removed.has(entry)));
  }

  #drop(entries: readonly Waiting[], reason: string): void {
    for (const [, entry] of entries) this.#log.warn({ entry, reason }, "an entry of the audit was not stored");
  }
}

/** The parameters of audit-add.sql: a text in Postgres has no NUL character. */
function columnsOf(entries: readonly Waiting[]): unknown[] {
  const columns: unknown[][] = Array.from({ length: 10 }, () => []);
  for (const [id, { key, action, target, details, count, jobId, requestId }] of entries) {
    const row = [
      id,
      timeOfId(id),
      key?.id ?? null,
      key?.name ?? null,
      action,
      target.replaceAll("\0", ""),
      details === undefined ? null : JSON.stringify(details),
      count ?? null,
      jobId ?? null,
      requestId,
    ];
    row.forEach((value, column) => at(columns, column).push(value));
  }
  return columns;
}
