import pg from "pg";
import { expect, it } from "vitest";
import { migrate } from "../../src/results/migrate.ts";
import { freshDatabase } from "../../src/testing/services.ts";
import { openPostgresCounts } from "./accounting.ts";

const ROWS = `
  select taskflow_add_partition('jobs_1970', '00000000-0000-0000-0000-000000000000', '00000001-0000-0000-0000-000000000000');
  insert into jobs (id, created_at, run_at, started_at, finished_at, type, status, attempt, tags, priority, max_attempts, durability, payload) values
    ('00000000-0000-7000-8000-000000000001', '2026-01-01 00:00:00', null,                  '2026-01-01 00:00:00.25', now(), 'email',   'completed', 1, '{run,burst}', 5, 3, 'redis', '{}'),
    ('00000000-0000-7000-8000-000000000002', '2026-01-01 00:00:00', '2026-01-01 00:00:01', '2026-01-01 00:00:01.01', now(), 'webhook', 'completed', 1, '{run,burst}', 5, 3, 'redis', '{}'),
    ('00000000-0000-7000-8000-000000000003', '2026-01-01 00:00:00', null,                  '2026-01-01 00:00:09',    now(), 'webhook', 'failed',    3, '{run,burst}', 5, 3, 'redis', '{}'),
    ('00000000-0000-7000-8000-000000000004', '2026-01-01 00:00:00', null,                  null,                     now(), 'email',   'cancelled', 0, '{run,paced}', 5, 3, 'redis', '{}'),
    ('00000000-0000-7000-8000-000000000005', '2026-01-01 00:00:00', null,                  null,                     now(), 'email',   'cancelled', 0, '{other}',     5, 3, 'redis', '{}')`;

it("reads the outcomes of the jobs of one run from Postgres", async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(ROWS);
  } finally {
    await client.end();
  }

  const jobCounts = await openPostgresCounts(url);
  expect([await jobCounts.count("run"), await jobCounts.count("burst"), await jobCounts.count("none")]).toEqual([
    4, 3, 0,
  ]);
  expect(
    (await jobCounts.entries("run")).map(({ type, status, attempt, pickupMs }) => [type, status, attempt, pickupMs]),
  ).toEqual([
    ["email", "completed", 1, 250],
    ["webhook", "completed", 1, 10],
    ["webhook", "failed", 3, null],
    ["email", "cancelled", 0, null],
  ]);
  await jobCounts.close();
});
