/** A replica on unusable databases, and as a role that may only read and write data. */

import { readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import pg from "pg";
import { describe, expect, inject, it } from "vitest";
import { DAY_MS } from "../core/time.ts";
import { StartError } from "../errors.ts";
import { trimAccepted } from "../results/acceptance-log/partitions.ts";
import { migrate } from "../results/migrate.ts";
import { partitionName, startOfDay } from "../results/partitions.ts";
import { RecorderConnection } from "../results/recorder/connection.ts";
import { dropExpired } from "../results/retention.ts";
import { call, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { settableClock } from "../testing/script-clock.ts";
import { freshDatabase, freshRedis, ownPostgres, ownRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

async function query(url: string, ...statements: readonly string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

/** A database whose tables belong to one role, and another role that has nothing but what is granted. */
async function twoRoles(
  ...grants: readonly string[]
): Promise<{ readonly admin: string; readonly owner: string; readonly app: string; readonly name: string }> {
  const { url: admin } = await freshDatabase();
  const database = new URL(admin).pathname.slice(1);
  const name = database.replace("test_", "app_");
  const ownerName = database.replace("test_", "own_");
  await query(
    admin,
    `create role ${name} login password 'app'`,
    `create role ${ownerName} login password 'own'`,
    `alter database ${database} owner to ${ownerName}`,
  );
  const owner = as(admin, ownerName, "own");
  await migrate(owner);
  await query(owner, ...grants.map((grant) => grant.replace("$app", name)));
  return { admin, owner, app: as(admin, name, "app"), name };
}

function as(url: string, user: string, password: string): string {
  return Object.assign(new URL(url), { username: user, password }).href;
}

const setClock = settableClock();

const DATA_RIGHTS = [
  "grant usage on schema public to $app",
  "grant select, insert, update, delete on all tables in schema public to $app",
];

describe("a role that may read and write data", () => {
  it("runs a replica: jobs of both durabilities are recorded", async () => {
    const [{ app }, redis] = await Promise.all([twoRoles(...DATA_RIGHTS), freshRedis()]);
    const replica = await startReplica({ redis: redis.address, database: app, artifacts: tempDir() });
    try {
      for (const durability of ["redis", "postgres"]) {
        const id = await submit(replica, "noop", { durability }, { durability });
        expect((await jobWhen(replica, id)).status).toBe("completed");
      }
      expect((await call(replica, "GET", "/api/v1/health")).body).toMatchObject({ status: "ok" });
    } finally {
      await replica.close(); // and records what it has
    }
    expect(await query(app, "select durability, status from jobs order by durability")).toEqual([
      { durability: "postgres", status: "completed" },
      { durability: "redis", status: "completed" },
    ]);
  });

  it("runs a replica on a Redis whose clock is days beyond the existing partitions", async () => {
    const [{ app }, { address, port }] = await Promise.all([twoRoles(...DATA_RIGHTS), ownRedis()]);
    const redis = new Redis(port, "127.0.0.1");
    await setClock(redis, 5 * DAY_MS);
    redis.disconnect();
    const replica = await startReplica({ redis: address, database: app, artifacts: tempDir() });
    try {
      const accepted = (durability: string): Promise<string> =>
        until(() => submit(replica, "noop", {}, { durability }).catch(() => undefined), {
          what: "a replica that knows the time accepts it",
        });
      const ids = [await accepted("redis"), await accepted("postgres")];
      for (const id of ids) expect((await jobWhen(replica, id)).status).toBe("completed");
      await until(
        async () =>
          (await query(app, "select from jobs where created_at > now() + interval '4 days'")).length === ids.length,
        { what: "both are recorded" },
      );
    } finally {
      await replica.close();
    }
  });

  it("creates missing partitions of other days, and drops those past their retention", async () => {
    const { app, owner } = await twoRoles(...DATA_RIGHTS);
    const today = startOfDay(Date.now());
    const days = [today - 40 * DAY_MS, today + 4 * DAY_MS, today + 400 * DAY_MS];
    const connection = new RecorderConnection(app, 10_000);
    await connection.addPartitions(days);
    connection.cut();
    const names = async (): Promise<unknown[]> =>
      (
        await query(
          owner,
          "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'jobs'::regclass",
        )
      ).map(({ name }) => name);
    expect(await names()).toEqual(expect.arrayContaining(days.map(partitionName)));
    expect(await dropExpired(app, 30, Date.now())).toEqual([partitionName(today - 40 * DAY_MS)]);
    expect(await trimAccepted(app, Date.now())).toEqual([]);
  });

  it("changes no table but partitions by the owner's functions, and none that it may not write", async () => {
    const { app, owner } = await twoRoles(
      "grant usage on schema public to $app",
      "grant select on all tables in schema public to $app",
    );
    await query(owner, "create table precious (finished_at timestamptz)");
    for (const statement of [
      "select taskflow_drop_partition('precious', now())",
      "select taskflow_trim_accepted('precious', gen_random_uuid(), gen_random_uuid())",
      "select taskflow_add_partition('precious'::regclass, 'precious_1', gen_random_uuid(), gen_random_uuid())",
      `select taskflow_drop_partition('${partitionName(startOfDay(Date.now()))}', now())`,
      "select taskflow_add_partition('jobs_1970', '00000000-0000-0000-0000-000000000000', '00000001-0000-0000-0000-000000000000')",
    ]) {
      expect([statement, await query(app, statement).catch((error: unknown) => String(error))]).toEqual([
        statement,
        expect.stringMatching(/permission denied|is no /) as string,
      ]);
    }
    const functions = await query(
      owner,
      "select proname, prosecdef, proconfig from pg_proc where proname in ('taskflow_drop_partition', 'taskflow_trim_accepted') order by proname",
    );
    for (const { prosecdef, proconfig } of functions)
      expect([prosecdef, proconfig]).toEqual([
        true,
        expect.arrayContaining(["search_path=public, pg_temp"]) as string[],
      ]);
    expect(functions).toHaveLength(2);
  });

  it.each([
    ["revoke insert on jobs from $app", '"grant insert on jobs to $app"'],
    ["revoke select, delete on accepted from $app", '"grant select, delete on accepted to $app"'],
    ["revoke update on leaders from $app", '"grant update on leaders to $app"'],
    ["revoke select on taskflow_migrations from $app", "may not read the tables of TaskFlow"],
    ["revoke usage on schema public from $app, public", "does not find them"],
    [
      "revoke execute on all functions in schema public from public",
      '"grant execute on all functions in schema public to $app"',
    ],
    ["revoke create on schema public from current_user, public, pg_database_owner", "cannot be made"],
    ["alter table jobs enable row level security", "Row-level security hides rows of jobs"],
    ["alter role $app set default_transaction_read_only = on", "takes no writes from role"],
    ["alter role $app set search_path = nowhere", "(search_path is nowhere)"],
  ])("is rejected in one sentence after: %s", async (statement, expected) => {
    const { admin, app, name, owner } = await twoRoles(...DATA_RIGHTS);
    await query(
      statement.startsWith("alter role") || statement.includes("pg_database_owner") ? admin : owner,
      statement.replace("$app", name).replace("current_user", new URL(owner).username),
    );
    const refused = migrate(app);
    await expect(refused).rejects.toThrow(StartError);
    await expect(refused).rejects.toThrow(expected.replace("$app", name));
    await expect(refused).rejects.toThrow(/^[^\n]*\.$/);
  });

  it("is sent to the owner if migrations are pending", async () => {
    const { owner, app, name } = await twoRoles(...DATA_RIGHTS);
    await query(owner, "delete from taskflow_migrations where name like '0005%'");
    await expect(migrate(app)).rejects.toThrow(
      `does not let role "${name}" create tables in schema public, and migrations are pending (0005_trim_counts_first.sql): run "taskflow migrate" as the owner`,
    );
  });
});

describe("a database", () => {
  const encoded = async (encoding: string): Promise<string> => {
    const { url } = await freshDatabase();
    const name = new URL(url).pathname.slice(1);
    await query(
      inject("postgresUrl"),
      `drop database ${name}`,
      `create database ${name} encoding '${encoding}' locale 'C' locale_provider libc template template0`,
    );
    return url;
  };

  it.each(["WIN1252", "LATIN1", "EUC_JP"])("in %s is rejected in one sentence", async (encoding) => {
    const url = await encoded(encoding);
    await expect(migrate(url)).rejects.toThrow(
      new RegExp(
        `^Postgres at 127\\.0\\.0\\.1:\\d+ stores database "test_\\w+" in ${encoding}, which cannot hold every text of a job: make one with "create database [^\\n]*\\.$`,
      ),
    );
    expect(await query(url, "select from pg_class where relname = 'taskflow_migrations'")).toEqual([]);
  });

  it("on a standby is rejected, with the primary as the remedy", async () => {
    const server = await ownPostgres();
    await migrate(server.address);
    const cluster = readlinkSync(`/proc/${server.pid}/cwd`);
    await server.stop();
    writeFileSync(join(cluster, "standby.signal"), "");
    await server.restart();
    await expect(migrate(server.address)).rejects.toThrow(
      / is a standby that takes no writes: set DATABASE_URL to the primary\.$/,
    );
  });

  it("in SQL_ASCII will do", async () => {
    expect(await migrate(await encoded("SQL_ASCII"))).toContain("0001_jobs.sql");
  });

  it("may have the tables in another schema than public, by the role's search_path", async () => {
    const { url } = await freshDatabase();
    const name = new URL(url).pathname.slice(1);
    await query(url, "create schema queue", `alter database ${name} set search_path = queue`);
    await migrate(url);
    expect(await query(url, "select to_regclass('queue.jobs') is not null as there")).toEqual([{ there: true }]);
  });

  it("without the right to create tables is rejected with the missing right", async () => {
    const { url } = await freshDatabase();
    const name = new URL(url).pathname.slice(1).replace("test_", "plain_");
    await query(url, `create role ${name} login password 'p'`);
    await expect(migrate(as(url, name, "p"))).rejects.toThrow(
      `does not let role "${name}" create tables in schema public`,
    );
  });
});
