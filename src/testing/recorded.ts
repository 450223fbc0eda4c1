/** The rows of an installation in Postgres, and a way to wait until every job has one. */
import pg from "pg";
import type { TestReplica } from "./replica.ts";
import { call } from "./replica.ts";
import { until } from "./until.ts";

export interface Row {
  readonly id: string;
  readonly status: string;
  readonly attempt: number;
  readonly worker: string;
}

/** All rows, in the order of acceptance. */
export async function rowsOf(database: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  try {
    return (await client.query<Row>("select id, status, attempt, worker from jobs order by id")).rows;
  } finally {
    await client.end();
  }
}

export interface Stats {
  readonly totals: Readonly<Record<string, number>>;
  readonly outbox_depth: number;
  readonly accepted: number;
  readonly unaccounted: number;
}

export async function statsOf(replica: TestReplica): Promise<Stats> {
  return (await call(replica, "GET", "/api/v1/stats")).body as Stats;
}

/** Waits until every job has ended and is in Postgres, and resolves to the job counts of that moment. */
export function allRecorded(replica: TestReplica, timeoutMs: number): Promise<Stats> {
  return until(
    async () => {
      const stats = await statsOf(replica);
      const open = ["queued", "scheduled", "running", "retrying"].reduce(
        (sum, status) => sum + (stats.totals[status] ?? 0),
        stats.outbox_depth,
      );
      return open === 0 ? stats : undefined;
    },
    { what: "every job is recorded", timeoutMs },
  );
}
