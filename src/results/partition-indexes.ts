/**
 * Builds the indexes of partitions that are older than an index of `jobs`, while jobs are recorded and read. Lists are
 * right without them, but slower.
 *
 *   missing ──create concurrently──▶ valid ──attach──▶ attached
 *      ▲                  │ the session ends
 *      └───drop────── invalid
 */
import type pg from "pg";
import { codeOf } from "../errors.ts";
import { begin, cut, isPooled, postgresConnection } from "../postgres/connection.ts";
import { readSql } from "../postgres/sql.ts";

const LIST = readSql(new URL("./partition-index-list.sql", import.meta.url));
const LOCK = "select pg_try_advisory_lock(hashtextextended('taskflow.partition-indexes', 0)) as leads";
/** Postgres's codes of errors that end with the next run: a lock in use, a partition that retention has dropped. */
const PASSING = new Set(["55P03", "40P01", "42P01", "42704"]);
/** Queries of the partition queue behind a wait for its lock. */
const ATTACH_WAIT_MS = 100;

interface MissingIndex {
  readonly name: string;
  readonly existing: "none" | "valid" | "invalid";
  readonly isBuilding: boolean;
  readonly build: string;
  readonly drop: string;
  readonly attach: string;
  /** The owner of the partition, if the role may not build its indexes. */
  readonly owner: string | null;
  readonly role: string;
}

export interface IndexBuild {
  /** The names of the indexes that are now attached. */
  readonly built: readonly string[];
  /** How many remain for a later run. */
  readonly remaining: number;
  /** The roles, if this one may not build them. */
  readonly lacks?: { readonly owner: string; readonly role: string } | undefined;
}

/**
 * Builds all missing indexes, one at a time, the newest partition's first. If another replica does so, it does nothing.
 * @param signal ends the current build, and a later run repeats it
 * @throws pg's error if Postgres is away, or the signal was aborted
 */
export async function buildPartitionIndexes(databaseUrl: string, signal?: AbortSignal): Promise<IndexBuild> {
  signal?.throwIfAborted();
  const { client, open } = postgresConnection({ databaseUrl, name: "indexes" });
  const close = (): void => cut(client);
  signal?.addEventListener("abort", close);
  try {
    await open();
    // Behind a pooler no lock outlasts a transaction. There two replicas may try the same index: one of them builds it.
    const { rows } = isPooled(client) ? { rows: [{ leads: true }] } : await client.query<{ leads: boolean }>(LOCK);
    const missing = (await client.query<MissingIndex>(LIST)).rows;
    if (rows[0]?.leads !== true) return { built: [], remaining: missing.length };
    const [first] = missing;
    if (first && first.owner !== null)
      return { built: [], remaining: missing.length, lacks: { owner: first.owner, role: first.role } };
    const built: string[] = [];
    for (const index of missing) if (await build(client, index)) built.push(index.name);
    await client.end();
    return { built, remaining: missing.length - built.length };
  } finally {
    signal?.removeEventListener("abort", close);
    cut(client);
  }
}

/** @returns whether it is attached; false if a later run must do it */
async function build(client: pg.Client, { existing, isBuilding, ...index }: MissingIndex): Promise<boolean> {
  if (isBuilding) return false;
  try {
    if (existing === "invalid") await client.query(index.drop); // its session ended before it was complete
    if (existing !== "valid") await client.query(index.build);
    await begin(client);
    await client.query("select set_config('lock_timeout', $1, true)", [String(ATTACH_WAIT_MS)]);
    await client.query(index.attach);
    await client.query("commit");
    return true;
  } catch (error) {
    if (!PASSING.has(codeOf(error) ?? "")) throw error;
    await client.query("rollback");
    return false;
  }
}
