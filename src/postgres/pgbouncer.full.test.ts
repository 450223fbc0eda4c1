/** Replicas that reach Postgres by way of PgBouncer in transaction mode. */
import pg from "pg";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { ExportConnection } from "../jobs/data-export/export-connection.ts";
import { trimAccepted } from "../results/acceptance-log/partitions.ts";
import { AcceptanceLogReader } from "../results/acceptance-log/reader.ts";
import { migrate } from "../results/migrate.ts";
import { RecorderConnection } from "../results/recorder/connection.ts";
import { dropExpired } from "../results/retention.ts";
import { Store } from "../results/store.ts";
import { installation } from "../testing/installation.ts";
import type { PgBouncer } from "../testing/pgbouncer.ts";
import { startPgBouncer } from "../testing/pgbouncer.ts";
import { allRecorded, rowsOf } from "../testing/recorded.ts";
import { call } from "../testing/replica.ts";
import { freshDatabase } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { isPooled, postgresConnection } from "./connection.ts";

const JOBS = 500;
let pooler: PgBouncer;
beforeAll(async () => {
  pooler = await startPgBouncer(inject("postgresUrl"), 10);
});
afterAll(() => pooler.close());

/** The statements of a URL of Postgres itself. */
async function direct<Result>(url: string, use: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** What a session that a pooler lends must not have when it is given back. */
async function leftIn(url: string): Promise<Record<string, unknown>[]> {
  const { rows: locks } = await direct(url, (client) =>
    client.query<Record<string, unknown>>(
      "select pid, locktype from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and state = 'idle' and pg_locks.database = (select oid from pg_database where datname = current_database())",
    ),
  );
  const pooled = new pg.Client({ connectionString: pooler.before(url) });
  await pooled.connect();
  const { rows: settings } = await pooled.query<Record<string, unknown>>(
    "select name, setting from pg_settings where name in ('statement_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'lock_timeout', 'client_connection_check_interval', 'default_transaction_isolation') and setting <> reset_val",
  );
  await pooled.end();
  return [...locks, ...settings];
}

it("replicas start, are killed, and run and record jobs of both durabilities", { timeout: 600_000 }, async () => {
  const { database, start } = await installation();
  const env = { DATABASE_URL: pooler.before(database), WORKER_COUNT: "2" };
  const replicas = await Promise.all([1, 2, 3].map(() => start(env).ready()));
  const [first, second, doomed] = replicas as [(typeof replicas)[0], (typeof replicas)[0], (typeof replicas)[0]];
  for (let at = 0; at < JOBS; at += 50) {
    const jobs = Array.from({ length: 50 }, (_, offset) => ({
      type: "noop",
      payload: { at: at + offset },
      durability: offset % 2 === 0 ? "redis" : "postgres",
    }));
    const { status } = await call(at % 100 === 0 ? first : second, "POST", "/api/v1/jobs/batch", { jobs });
    expect(status).toBeLessThan(300);
    if (at === JOBS / 2) await doomed.kill();
  }
  for (let again = 1; again <= 6; again += 1) {
    const another = await start(env).ready();
    if (again % 2 === 0) await another.kill();
    else await another.close();
  }
  await allRecorded(first, 120_000);
  const rows = await rowsOf(database);
  expect(rows.filter(({ status }) => status === "completed")).toHaveLength(JOBS);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(JOBS);
  expect((await call(first, "GET", "/api/v1/jobs?limit=10")).status).toBe(200);
  expect(await leftIn(database)).toEqual([]);
});

it("two replicas migrate a database at once", { timeout: 120_000 }, async () => {
  const { url } = await freshDatabase();
  const applied = await Promise.all([1, 2, 3].map(() => migrate(pooler.before(url))));
  expect(applied.flat().filter((name) => name === "0001_jobs.sql")).toHaveLength(1);
  expect(await leftIn(url)).toEqual([]);
});

it("a migration reports the holder of the lock that it waits for", { timeout: 120_000 }, async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  await direct(url, async (holder) => {
    await holder.query("set application_name = 'nightly-dump'");
    await holder.query("begin; lock table taskflow_migrations in access exclusive mode");
    const waits: string[] = [];
    const migrating = migrate(pooler.before(url), { onWait: (wait) => waits.push(wait) });
    await until(() => waits.length > 0, { what: "it reports that it waits" });
    expect(waits[0]).toContain("held by nightly-dump");
    await holder.query("commit");
    expect(await migrating).toEqual([]);
  });
});

it("one replica leads by a lease, which another takes once it is over, and no one while another leads by a connection", {
  timeout: 120_000,
}, async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  const namespace = "taskflow:0";
  const [one, two, unpooled] = [
    new AcceptanceLogReader(pooler.before(url), namespace, 1_500),
    new AcceptanceLogReader(pooler.before(url), namespace, 1_500),
    new AcceptanceLogReader(url, namespace),
  ];
  try {
    expect([await one.lead(), await two.lead(), await unpooled.lead(), await one.lead()]).toEqual([
      "new",
      "no",
      "no",
      "leads",
    ]);
    one.close(); // and renews nothing
    await until(async () => (await two.lead()) === "new", { what: "the other replica leads" });
    two.close();
    await until(async () => (await unpooled.lead()) === "new", { what: "the one without a pooler leads" });
    const last = new AcceptanceLogReader(pooler.before(url), namespace, 1_500);
    expect(await last.lead()).toBe("no");
    last.close();
  } finally {
    for (const each of [one, two, unpooled]) each.close();
  }
});

it("maintenance, reads and exports change no setting of the sessions, and have their limits", {
  timeout: 120_000,
}, async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  const before = pooler.before(url);
  expect([await dropExpired(before, 30, Date.now()), await trimAccepted(before, Date.now())]).toEqual([[], []]);
  const store = new Store(before);
  await store.ping();
  await store.close();
  const connection = new RecorderConnection(before, 10_000);
  await connection.addPartitions([0]);
  connection.cut();
  const exporting = await ExportConnection.open({ url: before, timeoutMs: 5_000, timeZone: "UTC" });
  expect(await exporting.estimate("select 1")).toBe(1);
  await exporting.close();
  const { client, open } = postgresConnection({ databaseUrl: before, name: "test" });
  await open();
  expect(isPooled(client)).toBe(true);
  await client.end();
  expect(await leftIn(url)).toEqual([]);
});

it("ends a statement that waits too long, in Postgres too", { timeout: 120_000 }, async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  await direct(url, async (holder) => {
    await holder.query("begin; lock table jobs in access exclusive mode");
    const connection = new RecorderConnection(pooler.before(url), 1_000);
    await expect(connection.copy([])).rejects.toThrow();
    connection.cut();
    const waiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    await until(async () => (await holder.query(waiting)).rowCount === 0, { what: "no session waits" });
  });
});
