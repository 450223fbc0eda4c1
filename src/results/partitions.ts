/**
 * The daily partitions of `jobs`. An id is a UUIDv7, so the ids of a UTC day form a range; the partition is named after
 * the day.
 */

import type { ClientBase } from "pg";
import { lowestIdAt, timeOfId } from "../core/id.ts";
import { DAY_MS } from "../core/time.ts";
import { readSql } from "../postgres/sql.ts";

const ADD = readSql(new URL("./partition-add.sql", import.meta.url));

/** The UTC day (the epoch ms of its midnight) of the partition that has a job's row. */
export function dayOf(id: string): number {
  return startOfDay(timeOfId(id));
}

export function startOfDay(epochMs: number): number {
  return Math.floor(epochMs / DAY_MS) * DAY_MS;
}

export function partitionName(dayMs: number): string {
  const [year = "", month = "", day = ""] = new Date(dayMs).toISOString().slice(0, -14).split("-");
  return `jobs_y${year}m${month}d${day}`;
}

/** The day of a partition; undefined if the name has another form. */
export function dayOfPartition(name: string): number | undefined {
  const match = /^jobs_y(\d{4})m(\d\d)d(\d\d)$/.exec(name);
  return match ? Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])) : undefined;
}

/** Adds the missing partitions of these days, however old. Two replicas may call it at once. */
export async function addPartitions(client: ClientBase, days: Iterable<number>): Promise<void> {
  for (const day of days) await client.query(ADD, [partitionName(day), lowestIdAt(day), lowestIdAt(day + DAY_MS)]);
}
