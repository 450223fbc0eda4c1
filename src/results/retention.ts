/** Retention: drops a day's partition as a whole once none of its jobs finished within the days to keep. */

import { lowestIdAt } from "../core/id.ts";
import { DAY_MS } from "../core/time.ts";
import { agreedPostgresTime } from "../postgres/clock.ts";
import { type Leader, runAsLeader } from "../postgres/leader.ts";
import { readSql } from "../postgres/sql.ts";
import { dayOfPartition } from "./partitions.ts";

const LIST = readSql(new URL("./partition-list.sql", import.meta.url));
const EXPIRE_AUDIT = readSql(new URL("./audit-expire.sql", import.meta.url));
const EXPIRE_RUNS = readSql(new URL("./schedules/runs-expire.sql", import.meta.url));
const EXPIRE_FLOWS = readSql(new URL("./flows/expire.sql", import.meta.url));
const DROP = readSql(new URL("./partition-drop.sql", import.meta.url));

/** Rows deleted by one statement: a fraction of a second. */
const ROWS_PER_STEP = 10_000;

/**
 * Drops the partitions of `jobs` in which all jobs finished more than `olderThanDays` days ago, by the clock of
 * Postgres, and deletes entries of the audit, runs of schedules and flows of that age. Only one replica at a time does this; at a
 * partition in use, it stops and leaves the rest to the next call.
 * @param ownMs epoch ms, by this machine's clock
 * @returns the names of the partitions dropped
 * @throws ClocksDiffer if that is not the time of Postgres; pg's error if Postgres is away, or `signal` aborted the
 * call
 */
export async function dropExpired(
  databaseUrl: string,
  olderThanDays: number,
  ownMs: number,
  signal?: AbortSignal,
): Promise<string[]> {
  return runAsLeader({ databaseUrl, name: "retention", signal }, async (leader) => {
    const now = await leader.use((client) => agreedPostgresTime(client, ownMs));
    const cutoff = now - olderThanDays * DAY_MS;
    await leader.step((client) => client.query(EXPIRE_AUDIT, [lowestIdAt(cutoff)]));
    await expire(leader, EXPIRE_RUNS, cutoff);
    await expire(leader, EXPIRE_FLOWS, cutoff);
    return dropBefore(leader, cutoff);
  });
}

async function expire(leader: Leader, statement: string, cutoff: number): Promise<void> {
  for (let count = ROWS_PER_STEP; count >= ROWS_PER_STEP; ) {
    const answer = await leader.step((client) => client.query(statement, [cutoff, ROWS_PER_STEP]));
    count = answer?.rowCount ?? 0;
  }
}

async function dropBefore(leader: Leader, cutoff: number): Promise<string[]> {
  const list = await leader.step((client) => client.query<{ name: string }>(LIST));
  const dropped: string[] = [];
  for (const { name } of list?.rows ?? []) {
    const day = dayOfPartition(name);
    // No job finishes before it was accepted, so a day that ends after the cutoff may have recent jobs.
    if (day === undefined || day + DAY_MS > cutoff) continue;
    const answer = await leader.step((client) => client.query<{ dropped: boolean | null }>(DROP, [name, cutoff]));
    const isDropped = answer?.rows[0]?.dropped ?? null;
    // another replica does it, or a long read uses the partition: it may use the next ones, too, and each try delays
    // all other queries
    if (isDropped === null) break;
    if (isDropped) dropped.push(name);
  }
  return dropped;
}
