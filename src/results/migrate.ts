/** Brings a database to the present shape: numbered, append-only SQL files, each applied once. */
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { StartError, codeOf } from "../errors.ts";
import { cut, postgresConnection } from "../postgres-connection.ts";
import { unusable } from "../reason.ts";
import { LockWatch } from "./lock-watch.ts";
import { DAY_MS, addPartitions, startOfDay } from "./partitions.ts";

const FOLDER = new URL("./migrations/", import.meta.url);
/** PostgreSQL 15, in the form of `server_version_num`. */
const OLDEST_VERSION = 150_000;
const LOCK = "select pg_advisory_xact_lock(hashtextextended('taskflow.migrations', 0))";
const BOOKS = "create table if not exists taskflow_migrations (name text primary key, applied_at timestamptz not null default now())";

/** How long all locks together are waited for. */
const WAIT_MS = 60_000;
/** A migration may have to rewrite much. */
const STATEMENT_TIMEOUT_MS = 600_000;
/**
 * Whatever comes to a table while a migration waits for it queues behind that: it waits so long, lets the others through, and tries again.
 * The others may be held up by the same session, though.
 */
const TABLE_LOCK_MS = 2_000;
const PAUSE_MS = 1_000;
const REPORT_AFTER_MS = 2_000;
/** What an answer may take beyond the limit that the server keeps itself: without one by then, the server is taken for dead. */
const SLACK_MS = 5_000;
const LOCK_NOT_AVAILABLE = "55P03";
const DEADLOCK = "40P01";

export interface MigrateOptions {
  /** How long it waits for locks in all, in milliseconds. */
  readonly waitMs?: number;
  /** Called with what is waited for, and who holds it, when that takes more than two seconds. */
  readonly onWait?: (wait: string) => void;
}

/**
 * Applies the migrations that the database has not seen, each in a transaction, under an advisory lock that ends with it: of replicas
 * that start at once, one applies a migration and the others wait for it. Makes the partitions of today and tomorrow as well.
 * @returns the names of the migrations applied by this call
 * @throws StartError, in one sentence, when Postgres cannot be reached, is older than 15, refuses a migration, or somebody holds a lock for too long
 */
export async function migrate(databaseUrl: string, { waitMs = WAIT_MS, onWait }: MigrateOptions = {}): Promise<string[]> {
  const { client, open } = postgresConnection({
    ...{ databaseUrl, name: "migrate", connectTimeoutMs: 10_000, statementTimeoutMs: STATEMENT_TIMEOUT_MS },
    ...{ answerTimeoutMs: waitMs + SLACK_MS, idleInTransactionMs: WAIT_MS },
  });
  const where = `${client.host}:${client.port}`;
  let wait: string | undefined;
  const noteWait = (current: string): void => {
    wait = current;
    onWait?.(current);
  };
  let watch: LockWatch | undefined;
  try {
    await open();
    watch = new LockWatch({ databaseUrl, client, periodMs: Math.min(REPORT_AFTER_MS, waitMs / 4), onWait: noteWait });
    await requireVersion(client, where);
    const applied = await applyAll(client, performance.now() + waitMs);
    await client.end();
    return applied;
  } catch (error) {
    cut(client);
    if (error instanceof StartError) throw error;
    throw new StartError(codeOf(error) === LOCK_NOT_AVAILABLE ? lockedOut(where, waitMs, wait) : unusable({ name: "Postgres", at: where, setting: "DATABASE_URL" }, error), error);
  } finally {
    watch?.close();
  }
}

function lockedOut(where: string, waitMs: number, wait = "a lock, whose holder Postgres does not show"): string {
  return `Postgres at ${where} could not be migrated within ${Math.round(waitMs / 1_000)} s because it waited for ${wait}: end that session, or wait for its end, and start again.`;
}

async function requireVersion(client: pg.Client, where: string): Promise<void> {
  const { rows } = await client.query<{ version: number; text: string }>(
    "select current_setting('server_version_num')::int as version, current_setting('server_version') as text",
  );
  const found = rows[0];
  if (found && found.version < OLDEST_VERSION) throw new StartError(`Postgres at ${where} is version ${found.text}: TaskFlow needs 15 or later.`);
}

/** @param deadline by `performance.now()`: no lock is waited for after it */
async function applyAll(client: pg.Client, deadline: number): Promise<string[]> {
  await locked(client, deadline, () => client.query(BOOKS));
  const applied: string[] = [];
  for (;;) {
    const name = await locked(client, deadline, () => applyNext(client));
    if (name === undefined) break;
    applied.push(name);
  }
  const today = startOfDay(Date.now());
  await locked(client, deadline, () => addPartitions(client, [today, today + DAY_MS]));
  return applied;
}

/** Does `work` in a transaction under the lock of migrations; again where it could not have another lock in time. */
async function locked<Result>(client: pg.Client, deadline: number, work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      await client.query("begin"); // a failure ends the connection, and the transaction with it
      await limitLocks(client, deadline - performance.now());
      await client.query(LOCK);
      await limitLocks(client, Math.min(TABLE_LOCK_MS, deadline - performance.now()));
      const result = await work();
      await client.query("commit");
      return result;
    } catch (error) {
      if (![LOCK_NOT_AVAILABLE, DEADLOCK].includes(codeOf(error) ?? "") || performance.now() + PAUSE_MS > deadline) throw error;
      await client.query("rollback");
      await delay(PAUSE_MS);
    }
  }
}

async function limitLocks(client: pg.Client, ms: number): Promise<void> {
  await client.query("select set_config('lock_timeout', $1, true)", [String(Math.max(1, Math.ceil(ms)))]); // 0 would be no limit
}

/** @returns the name of the migration applied; undefined where all are */
async function applyNext(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>("select name from taskflow_migrations");
  const known = new Set(rows.map(({ name }) => name));
  const own = readdirSync(FOLDER).filter((file) => file.endsWith(".sql"));
  const foreign = [...known].filter((name) => !own.includes(name)).sort();
  if (foreign.length > 0) {
    throw new StartError(`The database has migrations that this version of TaskFlow does not know (${foreign.join(", ")}): start a version at least as new as the one that applied them.`);
  }
  const [next] = own.filter((file) => !known.has(file)).sort();
  if (next === undefined) return undefined;
  await client.query({ text: readFileSync(new URL(next, FOLDER), "utf8"), query_timeout: STATEMENT_TIMEOUT_MS + SLACK_MS } as pg.QueryConfig);
  await client.query("insert into taskflow_migrations (name) values ($1)", [next]);
  return next;
}
