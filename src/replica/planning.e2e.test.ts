/** What docs/operations/planning.md says of connections and rights. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import pg from "pg";
import { expect, it } from "vitest";
import { openRedis } from "../queue/client.ts";
import { call, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, ownPostgres, ownRedis, tempDir } from "../testing/services.ts";

const page = readFileSync(new URL("../../docs/operations/planning.md", import.meta.url), "utf8");

/** The most connections of each name, as the page's table of a store has them. */
function plannedFor(store: string): Map<string, number> {
  const table = page.split(`### ${store}`)[1]?.split("###")[0] ?? "";
  return new Map(
    [...table.matchAll(/^\| `taskflow-([\w-]+)` \| (\d+) \|/gm)].map(([, name = "", most]) => [name, Number(most)]),
  );
}

function countsOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

it("a replica has at most the connections of the planning page, each under its name", {
  timeout: 120_000,
}, async () => {
  const [redis, database] = await Promise.all([ownRedis(), freshDatabase()]);
  const replica = await startReplica({
    redis: redis.address,
    database: database.url,
    artifacts: tempDir(),
    env: { SMTP_URL: "smtp://127.0.0.1:1" },
  });
  const observer = new pg.Client({ connectionString: database.url });
  await observer.connect();
  const lister = openRedis(redis.address, "observer");
  await once(lister, "ready");
  const most = { Redis: new Map<string, number>(), Postgres: new Map<string, number>() };
  const look = async (): Promise<void> => {
    const clients = [...String(await lister.client("LIST")).matchAll(/ name=taskflow-([\w-]+)/g)]
      .map(([, name = ""]) => name)
      .filter((name) => name !== "observer");
    const { rows } = await observer.query<{ name: string }>(
      "select substr(application_name, 10) as name from pg_stat_activity where datname = current_database() and application_name like 'taskflow-%'",
    );
    for (const [store, names] of [
      ["Redis", clients],
      ["Postgres", rows.map(({ name }) => name)],
    ] as const) {
      for (const [name, count] of countsOf(names)) most[store].set(name, Math.max(count, most[store].get(name) ?? 0));
    }
  };
  await look();
  const ids = await Promise.all(
    Array.from({ length: 40 }, (_, n) => submit(replica, "noop", {}, n % 2 === 0 ? { durability: "postgres" } : {})),
  );
  await Promise.all(ids.map((id) => jobWhen(replica, id)));
  await Promise.all([
    ...ids.flatMap((id) => [call(replica, "GET", `/api/v1/jobs/${id}`), call(replica, "GET", "/api/v1/jobs?limit=5")]),
    look(),
    look(),
  ]);
  await look();
  await observer.end();
  lister.disconnect();
  await replica.close();
  for (const [store, counts] of Object.entries(most)) {
    const planned = plannedFor(store);
    expect([store, [...counts].filter(([name, count]) => count > (planned.get(name) ?? 0))]).toEqual([store, []]);
    expect([store, counts.size > 2]).toEqual([store, true]);
  }
});

/** The lines of the page's one block of code in this language under a heading. */
function block(heading: string, language: string): string {
  return page.split(`### ${heading}`)[1]?.split(`\`\`\`${language}\n`)[1]?.split("```")[0]?.trim() ?? "";
}

it("the rights of the planning page are enough", { timeout: 120_000 }, async () => {
  const [redis, postgres] = await Promise.all([ownRedis(), ownPostgres()]);
  const admin = openRedis(redis.address, "admin");
  await once(admin, "ready");
  const [command = "", ...words] = block("Redis user", "").split(" ");
  await admin.call(command, ...words);
  admin.disconnect();
  const owner = new pg.Client({
    connectionString: Object.assign(new URL(postgres.address), { pathname: "/postgres" }).href,
  });
  await owner.connect();
  for (const statement of block("Postgres role", "sql").split("\n"))
    await owner.query(statement.replace("create database taskflow ", "create database planned "));
  await owner.end();
  const urlOf = (address: string, path: string): string =>
    Object.assign(new URL(address), { username: "taskflow", password: "PASSWORD", pathname: path }).href;
  const replica = await startReplica({
    redis: urlOf(redis.address, "/0"),
    database: urlOf(postgres.address, "/planned"),
    artifacts: tempDir(),
    env: { SMTP_URL: "smtp://127.0.0.1:1" },
  });
  for (const fields of [{}, { durability: "postgres" }, { delay_ms: 10 }]) {
    expect(await jobWhen(replica, await submit(replica, "noop", {}, fields))).toMatchObject({ status: "completed" });
  }
  for (const path of ["queues", "workers", "stats", "jobs"])
    expect((await call(replica, "GET", `/api/v1/${path}`)).status).toBe(200);
  await replica.close();
  expect(
    replica
      .lines()
      .filter(({ level, msg }) => level === "error" || /refused|NOPERM|permission|CONFIG/.test(String(msg))),
  ).toEqual([]);
});
