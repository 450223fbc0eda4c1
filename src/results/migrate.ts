/** Migrates a database to the current schema with numbered, append-only SQL files, each applied once. */

import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { DAY_MS } from "../core/time.ts";
import { codeOf, messageOf, StartError } from "../errors.ts";
import { begin, cut, postgresConnection } from "../postgres/connection.ts";
import type { DatabaseFacts } from "../postgres/database-check.ts";
import { mustMigrate, requireRights, requireUsable } from "../postgres/database-check.ts";
import { LockWatch, oldestHolder } from "../postgres/lock-watch.ts";
import { failureOf } from "../postgres/unusable-postgres.ts";
import { addPartitions, startOfDay } from "./partitions.ts";

const FOLDER = new URL("./migrations/", import.meta.url);
const LOCK = "select pg_advisory_xact_lock(hashtextextended('taskflow.migrations', 0))";
const COUNTS =
  "create table if not exists taskflow_migrations (name text primary key, applied_at timestamptz not null default now())";

/**
 * The limit of the waits for all locks together. An export of the history, or another migration, may take minutes; the
 * replicas of the earlier version serve meanwhile.
 */
const WAIT_MS = 600_000;
/** The limit of one wait for another migration. The next wait shows whether Postgres still answers. */
const MIGRATION_LOCK_MS = 60_000;
/** A migration may have to rewrite large tables. */
const STATEMENT_TIMEOUT_MS = 600_000;
/**
 * Queries of a table queue behind a migration that waits for its lock. So the migration waits only this long, lets the
 * queries pass, and tries again.
 */
const TABLE_LOCK_MS = 2_000;
const PAUSE_MS = 1_000;
const REPORT_AFTER_MS = 2_000;
/**
 * The lock watch misses waits that are shorter than its period. If it has reported nothing for so long, the migration
 * reports the oldest transaction.
 */
const REPORT_SELF_AFTER_MS = 2 * REPORT_AFTER_MS;
/** A wait that lasts is reported again. */
const REPORT_AGAIN_AFTER_MS = 60_000;
/**
 * The time that an answer may take beyond the server's own limit, before the server counts as dead.
 */
const SLACK_MS = 5_000;
/** Partitions are created this many days ahead: the operator has that long to notice a role that lost its rights. */
const DAYS_AHEAD = 3;
const LOCK_NOT_AVAILABLE = "55P03";
const DEADLOCK = "40P01";

export interface MigrateOptions {
  /** How long the migration waits for locks in total, in milliseconds. */
  readonly waitMs?: number;
  /** Called with a lock and its holder when the migration has waited for it for a few seconds, and once a minute. */
  readonly onWait?: (wait: string) => void;
}

/**
 * Applies the pending migrations, each in a transaction under an advisory lock: of replicas that start at once, one
 * applies a migration and the others wait. It also creates the partitions of today and the next three days.
 * @returns the names of the migrations applied by this call
 * @throws StartError, in one sentence, if Postgres cannot be reached, is not usable (database-check.ts) or rejects a
 * migration, or a session keeps a lock for too long
 */
export async function migrate(
  databaseUrl: string,
  { waitMs = WAIT_MS, onWait }: MigrateOptions = {},
): Promise<string[]> {
  const { client, open } = postgresConnection({
    databaseUrl,
    name: "migrate",
    connectTimeoutMs: 10_000,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    answerTimeoutMs: Math.min(MIGRATION_LOCK_MS, waitMs) + SLACK_MS,
    idleInTransactionMs: MIGRATION_LOCK_MS,
  });
  const address = `${client.host}:${client.port}`;
  const waits = new Waits(onWait);
  let watch: LockWatch | undefined;
  try {
    await open();
    watch = new LockWatch({ databaseUrl, client, periodMs: Math.min(REPORT_AFTER_MS, waitMs / 4), onWait: waits.note });
    const facts = await requireUsable(client, address);
    const session = { client, deadline: performance.now() + waitMs, waits };
    const applied = await applyAll(session, { facts, address });
    await requireRights(client, facts, address);
    await locked(session, () => addAhead(client));
    await client.end();
    return applied;
  } catch (error) {
    cut(client);
    if (error instanceof StartError) throw error;
    throw new StartError(
      codeOf(error) === LOCK_NOT_AVAILABLE
        ? lockedOut(address, waitMs, waits.last)
        : failureOf(`Postgres at ${address} cannot be used`, error),
      error,
    );
  } finally {
    watch?.close();
  }
}

function lockedOut(address: string, waitMs: number, wait = "a lock, whose holder Postgres does not show"): string {
  return `Postgres at ${address} could not be migrated within ${Math.round(waitMs / 1_000)} s because it waited for ${wait}: end that session, or wait for its end, and start again.`;
}

/** What the migration has waited for. */
class Waits {
  last: string | undefined;
  readonly #onWait: (wait: string) => void;
  #reportAfter = performance.now() + REPORT_SELF_AFTER_MS;

  constructor(onWait: (wait: string) => void = () => undefined) {
    this.#onWait = onWait;
  }

  readonly note = (wait: string): void => {
    this.last = wait;
    this.#reportAfter = performance.now() + REPORT_AGAIN_AFTER_MS;
    this.#onWait(wait);
  };

  /** Called after a wait in vain. */
  async noteOldest(client: pg.Client): Promise<void> {
    if (performance.now() < this.#reportAfter) return;
    const holder = await oldestHolder(client);
    if (holder !== undefined) this.note(holder);
  }
}

interface Target {
  readonly facts: DatabaseFacts;
  readonly address: string;
}

interface Session {
  readonly client: pg.Client;
  /** By `performance.now()`: no wait for a lock lasts longer. */
  readonly deadline: number;
  readonly waits: Waits;
}

async function applyAll(session: Session, { facts, address }: Target): Promise<string[]> {
  const { client } = session;
  if (!facts.isMigrated) {
    if (!facts.mayCreate) throw mustMigrate(facts, address, ownMigrations());
    await locked(session, () => client.query(COUNTS));
  }
  const applied: string[] = [];
  for (;;) {
    const name = await locked(session, () => applyNext(client, { facts, address }));
    if (name === undefined) return applied;
    applied.push(name);
  }
}

/** The partitions of today and the three days after it. */
async function addAhead(client: pg.Client): Promise<void> {
  const today = startOfDay(Date.now());
  await addPartitions(
    client,
    Array.from({ length: 1 + DAYS_AHEAD }, (_, day) => today + day * DAY_MS),
  );
}

/** Runs `work` in a transaction under the lock of migrations, and again if it did not get another lock in time. */
async function locked<Result>({ client, deadline, waits }: Session, work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      await begin(client); // after other failures the caller cuts the connection, which ends the transaction
      await limitLocks(client, Math.min(MIGRATION_LOCK_MS, deadline - performance.now()));
      await client.query(LOCK);
      await limitLocks(client, Math.min(TABLE_LOCK_MS, deadline - performance.now()));
      const result = await work();
      await client.query("commit");
      return result;
    } catch (error) {
      if (![LOCK_NOT_AVAILABLE, DEADLOCK].includes(codeOf(error) ?? "") || performance.now() + PAUSE_MS > deadline)
        throw error;
      await client.query("rollback");
      await waits.noteOldest(client);
      await delay(PAUSE_MS);
    }
  }
}

async function limitLocks(client: pg.Client, ms: number): Promise<void> {
  // 0 would be no limit
  await client.query("select set_config('lock_timeout', $1, true)", [String(Math.max(1, Math.ceil(ms)))]);
}

function ownMigrations(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".sql"))
    .sort();
}

/** The pending migrations, in their order. */
async function pendingMigrations(client: pg.Client, { role }: DatabaseFacts): Promise<string[]> {
  const { rows } = await client
    .query<{ name: string }>("select name from taskflow_migrations")
    .catch((error: unknown) => {
      if (codeOf(error) !== "42501") throw error;
      throw new StartError(
        `Role "${role}" may not read the tables of TaskFlow (${messageOf(error)}): "grant select, insert, update, delete on all tables in schema … to ${role}" as their owner.`,
        error,
      );
    });
  const known = new Set(rows.map(({ name }) => name));
  const own = ownMigrations();
  const foreign = [...known].filter((name) => !own.includes(name)).sort();
  if (foreign.length > 0) {
    throw new StartError(
      `The database has migrations that this version of TaskFlow does not know (${foreign.join(", ")}): start a version at least as new as the one that applied them.`,
    );
  }
  return own.filter((file) => !known.has(file));
}

/** @returns the name of the migration applied; undefined if none is pending */
async function applyNext(client: pg.Client, { facts, address }: Target): Promise<string | undefined> {
  const pending = await pendingMigrations(client, facts);
  const [next] = pending;
  if (next === undefined) return undefined;
  if (!facts.mayCreate) throw mustMigrate(facts, address, pending);
  await client.query({
    text: readFileSync(new URL(next, FOLDER), "utf8"),
    query_timeout: STATEMENT_TIMEOUT_MS + SLACK_MS,
  } as pg.QueryConfig);
  await client.query("insert into taskflow_migrations (name) values ($1)", [next]);
  return next;
}
