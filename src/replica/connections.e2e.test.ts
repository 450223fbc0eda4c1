/** The figures of docs/operations/planning.md that a database is planned by. */
import { readFileSync } from "node:fs";
import pg from "pg";
import { expect, it } from "vitest";
import { redisCommand } from "../embedded/redis-command.ts";
import { startReplica, call, jobWhen, submit } from "../testing/replica.ts";
import { freshDatabase, ownRedis, tempDir } from "../testing/services.ts";

const page = readFileSync(new URL("../../docs/operations/planning.md", import.meta.url), "utf8");

/** The most connections of each name, as the page's table of a store has them. */
function plannedFor(store: string): Map<string, number> {
  const table = page.split(`### ${store}`)[1]?.split("###")[0] ?? "";
  return new Map([...table.matchAll(/^\| `taskflow-([\w-]+)` \| (\d+) \|/gm)].map(([, name = "", most]) => [name, Number(most)]));
}

function countsOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

it("a replica has no more connections than the planning page says, each under its name", { timeout: 120_000 }, async () => {
  const [redis, database] = await Promise.all([ownRedis(), freshDatabase()]);
  const replica = await startReplica({ redis: redis.address, database: database.url, artifacts: tempDir(), env: { SMTP_URL: "smtp://127.0.0.1:1" } });
  const observer = new pg.Client({ connectionString: database.url });
  await observer.connect();
  const most = { Redis: new Map<string, number>(), Postgres: new Map<string, number>() };
  const look = async (): Promise<void> => {
    const clients = [...(await redisCommand(redis.port, "CLIENT", "LIST")).matchAll(/ name=taskflow-([\w-]+)/g)].map(([, name = ""]) => name);
    const { rows } = await observer.query<{ name: string }>("select substr(application_name, 10) as name from pg_stat_activity where datname = current_database() and application_name like 'taskflow-%'");
    for (const [store, names] of [["Redis", clients], ["Postgres", rows.map(({ name }) => name)]] as const) {
      for (const [name, count] of countsOf(names)) most[store].set(name, Math.max(count, most[store].get(name) ?? 0));
    }
  };
  await look();
  const ids = await Promise.all(Array.from({ length: 40 }, (_, n) => submit(replica, "noop", {}, n % 2 === 0 ? { durability: "postgres" } : {})));
  await Promise.all(ids.map((id) => jobWhen(replica, id)));
  await Promise.all([...ids.flatMap((id) => [call(replica, "GET", `/api/v1/jobs/${id}`), call(replica, "GET", "/api/v1/jobs?limit=5")]), look(), look()]);
  await look();
  await observer.end();
  await replica.close();
  for (const [store, counts] of Object.entries(most)) {
    const planned = plannedFor(store);
    expect([store, [...counts].filter(([name, count]) => count > (planned.get(name) ?? 0))]).toEqual([store, []]);
    expect([store, counts.size > 2]).toEqual([store, true]);
  }
});
