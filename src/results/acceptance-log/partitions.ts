/**
 * The daily partitions of `accepted`, like those of `jobs`: created by the COPY that needs them, and dropped a day
 * later.
 */

import type pg from "pg";
import { lowestIdAt } from "../../core/id.ts";
import { DAY_MS } from "../../core/time.ts";
import { agreedPostgresTime } from "../../postgres/clock.ts";
import { type Leader, runAsLeader } from "../../postgres/leader.ts";
import { readSql } from "../../postgres/sql.ts";
import { dayOf, dayOfPartition, partitionName } from "../partitions.ts";

const ADD = readSql(new URL("./partition-add.sql", import.meta.url));
const LIST = readSql(new URL("./partition-list.sql", import.meta.url));
const TRIM = readSql(new URL("./partition-trim.sql", import.meta.url));
const EXPIRE_KEYS = readSql(new URL("./keys-expire.sql", import.meta.url));

/**
 * Except for its first word, a partition has the name of that day's partition of `jobs`: retention finds one by the
 * other.
 */
const nameOf = (day: number): string => partitionName(day).replace(/^jobs/, "accepted");
const dayOfName = (name: string): number | undefined => dayOfPartition(name.replace(/^accepted/, "jobs"));
const bounds = (day: number): [string, string, string] => [nameOf(day), lowestIdAt(day), lowestIdAt(day + DAY_MS)];

/** Adds the missing partitions for these ids. Two replicas may call it at once. */
export async function addAcceptedPartitions(client: pg.ClientBase, ids: Iterable<string>): Promise<void> {
  const days = new Set<number>();
  for (const id of ids) days.add(dayOf(id));
  for (const day of days) await client.query(ADD, bounds(day));
}

/**
 * Drops the partitions of `accepted` that ended more than a day ago, by the clock of Postgres, and whose jobs are all
 * recorded; from others of that age it deletes the recorded jobs. It also deletes expired keys. Only one replica at a
 * time does this; at a partition in use, it stops and leaves the rest to the next call.
 * @param ownMs epoch ms, by this machine's clock
 * @returns the names of the partitions dropped
 * @throws ClocksDiffer if that is not the time of Postgres; pg's error if Postgres is away, or `signal` aborted the
 * call
 */
export async function trimAccepted(databaseUrl: string, ownMs: number, signal?: AbortSignal): Promise<string[]> {
  return runAsLeader({ databaseUrl, name: "accepted", signal }, async (leader) => {
    const now = await leader.use((client) => agreedPostgresTime(client, ownMs));
    return trim(leader, now - DAY_MS);
  });
}

async function trim(leader: Leader, before: number): Promise<string[]> {
  await leader.step((client) => client.query(EXPIRE_KEYS));
  const list = await leader.step((client) => client.query<{ name: string }>(LIST));
  const dropped: string[] = [];
  for (const { name } of list?.rows ?? []) {
    const day = dayOfName(name);
    if (day === undefined || day + DAY_MS > before) continue;
    const answer = await leader.step((client) => client.query<{ remaining: number | null }>(TRIM, bounds(day)));
    const remaining = answer?.rows[0]?.remaining ?? null;
    // another replica does it, or the partition is in use: each try delays all other queries
    if (remaining === null) break;
    if (remaining === 0) dropped.push(name);
  }
  return dropped;
}
