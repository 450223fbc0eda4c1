/** Retention: a day's partition goes as a whole once none of its jobs finished within the days to keep. */

import { DAY_MS } from "../core/time.ts";
import { agreedPostgresTime } from "../postgres/clock.ts";
import { type Leader, runAsLeader } from "../postgres/leader.ts";
import { readSql } from "../postgres/sql.ts";
import { dayOfPartition } from "./partitions.ts";

const LIST = readSql(new URL("./partition-list.sql", import.meta.url));
const DROP = readSql(new URL("./partition-drop.sql", import.meta.url));

/**
 * Drops the partitions of `jobs` that hold only jobs finished more than `olderThanDays` days ago, by the clock of
 * Postgres. One replica at a time; a partition in use just now, and what comes after it, is left for the next call.
 * @param ownMs epoch ms, by this machine's clock
 * @returns the names of the partitions dropped
 * @throws ClocksDiffer where that is not the time of Postgres; pg's error when Postgres is away, or `signal` ended it
 */
export async function dropExpired(
  databaseUrl: string,
  olderThanDays: number,
  ownMs: number,
  signal?: AbortSignal,
): Promise<string[]> {
  return runAsLeader({ databaseUrl, name: "retention", signal }, async (leader) => {
    const now = await leader.use((client) => agreedPostgresTime(client, ownMs));
    return dropBefore(leader, now - olderThanDays * DAY_MS);
  });
}

async function dropBefore(leader: Leader, cutoff: number): Promise<string[]> {
  const list = await leader.step((client) => client.query<{ name: string }>(LIST));
  const dropped: string[] = [];
  for (const { name } of list?.rows ?? []) {
    const day = dayOfPartition(name);
    // No job finishes before it was accepted: a day that is not over by the cutoff may hold fresh ones.
    if (day === undefined || day + DAY_MS > cutoff) continue;
    const answer = await leader.step((client) => client.query<{ dropped: boolean | null }>(DROP, [name, cutoff]));
    const isDropped = answer?.rows[0]?.dropped ?? null;
    // another replica is at it; or whoever reads for long may hold the next ones, too, and each try holds up all others
    if (isDropped === null) break;
    if (isDropped) dropped.push(name);
  }
  return dropped;
}
