import pg from "pg";
import { describe, expect, it } from "vitest";
import { DAY_MS } from "../core/time.ts";
import { idAt, outcomeWith } from "../testing/outcomes.ts";
import { freshDatabase } from "../testing/services.ts";
import { migrate } from "./migrate.ts";
import { addPartitions, dayOf, dayOfPartition, partitionName, startOfDay } from "./partitions.ts";
import { RecorderConnection } from "./recorder/connection.ts";
import { dropExpired } from "./retention.ts";

const NOW = Date.now();
const daysAgo = (days: number): number => startOfDay(NOW) - days * DAY_MS;

/** A database with jobs of 40 and 41 days ago, of which a second one of day 41 finished only yesterday. */
async function setup(): Promise<{
  url: string;
  query: (sql: string) => Promise<pg.QueryResult>;
  close: () => Promise<void>;
}> {
  const { url } = await freshDatabase();
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await addPartitions(client, [daysAgo(40), daysAgo(41), daysAgo(42)]);
  const connection = new RecorderConnection(url, 5_000);
  const jobs: [number, number][] = [
    [40, 40],
    [41, 41],
    [41, 1],
  ];
  await connection.copy(
    jobs.map(([accepted, finished]) =>
      outcomeWith({ job: { id: idAt(daysAgo(accepted)) }, finishedAt: daysAgo(finished) + 5 }),
    ),
  );
  connection.cut();
  return { url, query: (sql) => client.query(sql), close: () => client.end() };
}

describe("retention", () => {
  it("drops the days whose jobs all finished before it, and no other", async () => {
    const { url, query, close } = await setup();
    const dropped = await dropExpired(url, 30, NOW);
    expect(dropped).toEqual([partitionName(daysAgo(42)), partitionName(daysAgo(40))]);
    expect((await query("select count(*)::int as n from jobs")).rows).toEqual([{ n: 2 }]);
    expect(await dropExpired(url, 30, NOW)).toEqual([]);
    await close();
  });

  it("leaves a day that is in use, and one replica at a time", async () => {
    const { url, query, close } = await setup();
    await query("begin");
    await query(`lock table ${partitionName(daysAgo(40))} in row exclusive mode`);
    expect(await dropExpired(url, 30, NOW)).toEqual([partitionName(daysAgo(42))]);
    await query("rollback");
    await query("select pg_advisory_lock(hashtextextended('taskflow.retention', 0))");
    expect(await dropExpired(url, 30, NOW)).toEqual([]);
    await close();
    expect(await dropExpired(url, 30, NOW)).toEqual([partitionName(daysAgo(40))]);
  });
});

describe("retention while a long read is open", () => {
  it("drops nothing, and delays other reads only for a moment", async () => {
    const { url, query, close } = await setup();
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    await query("begin");
    await query("select count(*) from jobs"); // an export of the job history, say
    let longestMs = 0;
    let isDropping = true;
    const dropped = dropExpired(url, 30, NOW).finally(() => {
      isDropping = false;
    });
    while (isDropping) {
      const startedAt = performance.now();
      await other.query("select from jobs where id = $1", [idAt(NOW)]);
      longestMs = Math.max(longestMs, performance.now() - startedAt);
    }
    expect(await dropped).toEqual([]);
    expect(longestMs).toBeLessThan(1_000);
    await query("rollback");
    await other.end();
    await close();
  });

  it("tries no other day", async () => {
    const { url, query, close } = await setup();
    await query("begin");
    await query(`select from ${partitionName(daysAgo(42))}`);
    expect(await dropExpired(url, 30, NOW)).toEqual([]);
    await query("rollback");
    expect(await dropExpired(url, 30, NOW)).toEqual([partitionName(daysAgo(42)), partitionName(daysAgo(40))]);
    await close();
  });
});

describe("a day's partition", () => {
  it("is named after the UTC day of its ids", () => {
    const id = idAt(Date.UTC(2019, 11, 31, 23, 59, 59, 999));
    expect(partitionName(dayOf(id))).toBe("jobs_y2019m12d31");
    expect(dayOfPartition("jobs_y2019m12d31")).toBe(dayOf(id));
    expect(dayOfPartition("jobs_archive")).toBeUndefined();
  });

  it("is made once when two connections need it at once", async () => {
    const { url } = await freshDatabase();
    await migrate(url);
    const connections = [1, 2, 3].map(() => new RecorderConnection(url, 5_000));
    await Promise.all(connections.map((connection) => connection.addPartitions([0, DAY_MS, Date.UTC(2051, 0, 1)])));
    for (const connection of connections) connection.cut();
  });
});
