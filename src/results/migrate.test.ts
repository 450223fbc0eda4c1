import pg from "pg";
import { describe, expect, it } from "vitest";
import { DAY_MS } from "../core/time.ts";
import { StartError } from "../errors.ts";
import { outcomeWith } from "../testing/outcomes.ts";
import { freshDatabase } from "../testing/services.ts";
import { TcpProxy } from "../testing/tcp-proxy.ts";
import { until } from "../testing/until.ts";
import { migrate } from "./migrate.ts";
import { partitionName, startOfDay } from "./partitions.ts";
import { RecorderConnection } from "./recorder/connection.ts";

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe("migrate", () => {
  it("migrates an empty database once, although three replicas start at once", async () => {
    const { url } = await freshDatabase();
    const applied = await Promise.all([migrate(url), migrate(url), migrate(url)]);
    expect(applied.flat().toSorted()).toEqual(
      (await query(url, "select name from taskflow_migrations order by name")).map(({ name }) => name),
    );
    expect(applied.flat()).toContain("0001_jobs.sql");
    expect(await migrate(url)).toEqual([]);
  });

  it("makes the partitions of today and tomorrow", async () => {
    const { url } = await freshDatabase();
    await migrate(url);
    const today = startOfDay(Date.now());
    const names = (
      await query(url, "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'jobs'::regclass")
    ).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining([partitionName(today), partitionName(today + DAY_MS)]));
  });

  const lockFor = async (url: string, name: string, ...statements: string[]): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url, application_name: name });
    client.on("error", () => undefined); // its database goes with the test
    await client.connect();
    for (const statement of statements) await client.query(statement);
    return client;
  };
  // as earlier versions take it: for their session
  const ADVISORY = "select pg_advisory_lock(hashtextextended('taskflow.migrations', 0))";

  it.each([
    ["the lock of migrations", ADVISORY, "the lock of type advisory"],
    [
      "a table",
      "begin; lock table taskflow_migrations in access exclusive mode",
      "AccessShareLock on taskflow_migrations",
    ],
  ])(
    "waits while another session has %s, reports its holder, and continues when it is free",
    async (_, statement, lock) => {
      const { url } = await freshDatabase();
      await migrate(url);
      const holder = await lockFor(url, "nightly-dump", statement);
      const waits: string[] = [];
      const migrating = migrate(url, { waitMs: 30_000, onWait: (wait) => waits.push(wait) });
      await until(() => waits.length > 0, { what: "it reports that it waits" });
      expect(waits[0]).toContain(`${lock}, held by nightly-dump (process `);
      await holder.end();
      expect(await migrating).toEqual([]);
      expect(waits).toHaveLength(1);
    },
  );

  it("lets reads and records of jobs continue while a long read keeps it from changing the table", async () => {
    const { url } = await freshDatabase();
    await migrate(url);
    await query(
      url,
      "drop function taskflow_find_ids; alter table jobs drop column erased_at; drop index jobs_not_completed, jobs_error_code, jobs_group_key, jobs_retry_of, jobs_tags; delete from taskflow_migrations where name = '0020_find_rows.sql'",
    );
    const reader = await lockFor(url, "nightly-dump", "begin", "select count(*) from jobs");
    const waits: string[] = [];
    const migrating = migrate(url, { waitMs: 30_000, onWait: (wait) => waits.push(wait) });
    await until(() => waits.length > 0, { what: "it reports that it waits" });
    expect(waits[0]).toMatch(/ on jobs, held by nightly-dump \(process \d+, idle in transaction, for \d+ s\)$/);
    const connection = new RecorderConnection(url, 5_000);
    await connection.copy([outcomeWith()]);
    connection.cut();
    expect(await query(url, "select count(*)::int as n from jobs")).toEqual([{ n: 1 }]);
    await reader.end();
    expect(await migrating).toEqual(["0020_find_rows.sql"]);
  });

  it("sets the defaults of usual jobs without a lock of any partition", async () => {
    const { url } = await freshDatabase();
    await migrate(url);
    await query(
      url,
      "alter table jobs alter column priority drop default, alter column attempt drop default, alter column max_attempts drop default, alter column status drop default, alter column durability drop default, alter column tags drop default; delete from taskflow_migrations where name = '0029_usual_values.sql'",
    );
    const reader = await lockFor(url, "export", "begin", `select from ${partitionName(startOfDay(Date.now()))}`);
    expect(await migrate(url, { waitMs: 5_000 })).toEqual(["0029_usual_values.sql"]);
    const connection = new RecorderConnection(url, 5_000);
    await connection.copy([outcomeWith()]);
    connection.cut();
    await reader.end();
    const columns = "priority, attempt, max_attempts, status, durability, tags";
    expect(await query(url, `select ${columns} from jobs`)).toEqual([
      { priority: 5, attempt: 1, max_attempts: 3, status: "completed", durability: "redis", tags: [] },
    ]);
  });

  it("gives up in time, in one sentence that names the holder, and leaves no lock", async () => {
    const { url } = await freshDatabase();
    const holder = await lockFor(url, "nightly-dump", ADVISORY);
    const refused = migrate(url, { waitMs: 2_000 });
    await expect(refused).rejects.toThrow(StartError);
    await expect(refused).rejects.toThrow(
      /^Postgres at 127\.0\.0\.1:\d+ could not be migrated within 2 s because it waited for the lock of type advisory, held by nightly-dump \(process \d+, idle, for \d+ s\): end that session[^.]*\.$/,
    );
    await holder.end();
    expect(await migrate(url)).toContain("0001_jobs.sql");
  });

  it("gives up on a Postgres that is silent from the first statement on", async () => {
    const { url } = await freshDatabase();
    const proxy = await TcpProxy.start(Number(new URL(url).port));
    const holder = await lockFor(url, "nightly-dump", ADVISORY);
    try {
      const refused = migrate(proxy.before(url), {
        waitMs: 1_000,
        onWait: () => proxy.setMode({ kind: "black-hole" }),
      });
      await expect(refused).rejects.toThrow(StartError);
    } finally {
      await Promise.all([proxy.close(), holder.end()]);
    }
  });

  it("rejects a database that a newer version has migrated, and changes nothing", async () => {
    const { url } = await freshDatabase();
    await migrate(url);
    await query(url, "insert into taskflow_migrations (name) values ('9999_newer.sql')");
    const refused = migrate(url);
    await expect(refused).rejects.toThrow(StartError);
    await expect(refused).rejects.toThrow(
      /^The database has migrations .*9999_newer\.sql.*: start a version at least as new[^.]*\.$/,
    );
  });

  it("explains in one sentence that no server listens, without the password", async () => {
    const refused = migrate("postgres://user:hunter2@127.0.0.1:1/taskflow");
    await expect(refused).rejects.toThrow(StartError);
    await expect(refused).rejects.toThrow(
      /^Postgres at 127\.0\.0\.1:1 cannot be used \(the connection is refused\): check .*DATABASE_URL[^.]*\.$/,
    );
    await expect(refused).rejects.not.toThrow(/hunter2/);
  });

  it("explains that the database does not exist, or rejects a migration", async () => {
    const { url } = await freshDatabase();
    await expect(migrate(`${url}_not`)).rejects.toThrow(/does not exist/);
    await query(url, "create table jobs (id int)");
    await expect(migrate(url)).rejects.toThrow(StartError);
    await expect(query(url, "select * from taskflow_migrations")).resolves.toEqual([]);
  });
});
