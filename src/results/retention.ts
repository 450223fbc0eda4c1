/** Retention: a day's partition goes as a whole once none of its jobs finished within the days to keep. */
import pg from "pg";
import { DAY_MS, dayOfPartition } from "./partitions.ts";
import { readSql } from "./sql.ts";

const LIST = readSql("partition-list.sql");
const DROP = readSql("partition-drop.sql");
const TRY_LOCK = "select pg_try_advisory_lock(hashtextextended('taskflow.retention', 0)) as locked";

/**
 * Drops the partitions of `jobs` that hold only jobs finished more than `olderThanDays` days before `now` (epoch ms).
 * One replica at a time; a partition in use just now is left for the next call.
 * @returns the names of the partitions dropped
 * @throws pg's error when Postgres is away
 */
export async function dropExpired(databaseUrl: string, olderThanDays: number, now: number): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000, application_name: "taskflow-retention" });
  client.on("error", () => undefined); // the query under way rejects with it
  await client.connect();
  try {
    const lock = await client.query<{ locked: boolean }>(TRY_LOCK);
    return lock.rows[0]?.locked === true ? await dropBefore(client, now - olderThanDays * DAY_MS) : [];
  } finally {
    await client.end();
  }
}

async function dropBefore(client: pg.Client, cutoff: number): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(LIST);
  const dropped: string[] = [];
  for (const { name } of rows) {
    const day = dayOfPartition(name);
    // No job finishes before it was accepted: a day that is not over by the cutoff may hold fresh ones.
    if (day === undefined || day + DAY_MS > cutoff) continue;
    const answer = await client.query<{ dropped: boolean }>(DROP, [name, cutoff]);
    if (answer.rows[0]?.dropped === true) dropped.push(name);
  }
  return dropped;
}
