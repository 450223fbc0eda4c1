import pg from "pg";
import { describe, expect, it } from "vitest";
import { StartError } from "../errors.ts";
import { freshDatabase } from "../testing/services.ts";
import { migrate } from "./migrate.ts";
import { DAY_MS, partitionName, startOfDay } from "./partitions.ts";

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
  it("migrates an empty database once, though three replicas start at once", async () => {
    const { url } = await freshDatabase();
    const applied = await Promise.all([migrate(url), migrate(url), migrate(url)]);
    expect(applied.flat()).toEqual((await query(url, "select name from taskflow_migrations order by name")).map(({ name }) => name));
    expect(applied.flat()).toContain("0001_jobs.sql");
    expect(await migrate(url)).toEqual([]);
  });

  it("makes the partitions of today and tomorrow", async () => {
    const { url } = await freshDatabase();
    await migrate(url);
    const today = startOfDay(Date.now());
    const names = (await query(url, "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'jobs'::regclass")).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining([partitionName(today), partitionName(today + DAY_MS)]));
  });

  it("refuses a database that a newer version has migrated, and changes nothing", async () => {
    const { url } = await freshDatabase();
    await migrate(url);
    await query(url, "insert into taskflow_migrations (name) values ('9999_newer.sql')");
    const refused = migrate(url);
    await expect(refused).rejects.toThrow(StartError);
    await expect(refused).rejects.toThrow(/^The database has migrations .*9999_newer\.sql.*: start a version at least as new[^.]*\.$/);
  });

  it("says in one sentence what to do when nobody listens, without the password", async () => {
    const refused = migrate("postgres://user:hunter2@127.0.0.1:1/taskflow");
    await expect(refused).rejects.toThrow(StartError);
    await expect(refused).rejects.toThrow(/^Postgres at 127\.0\.0\.1:1 cannot be used \(the connection is refused\): check .*DATABASE_URL[^.]*\.$/);
    await expect(refused).rejects.not.toThrow(/hunter2/);
  });

  it("says so when the database does not exist, or refuses a migration", async () => {
    const { url } = await freshDatabase();
    await expect(migrate(`${url}_not`)).rejects.toThrow(/does not exist/);
    await query(url, "create table jobs (id int)");
    await expect(migrate(url)).rejects.toThrow(StartError);
    await expect(query(url, "select * from taskflow_migrations")).resolves.toEqual([]);
  });
});
