/** The clock of Postgres. */
import type pg from "pg";
import { agreedTime } from "./agreed-time.ts";
import { readSql } from "./sql.ts";

const CLOCK = readSql(new URL("./clock.sql", import.meta.url));

/** The time of Postgres, epoch ms. @param ownMs this machine's @throws ClocksDiffer if they do not agree */
export async function agreedPostgresTime(client: pg.Client, ownMs: number): Promise<number> {
  const { rows } = await client.query<{ now: number }>(CLOCK);
  return agreedTime("Postgres", rows[0]?.now ?? Number.NaN, ownMs);
}
