import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterEach, describe, expect, it, vi } from "vitest";
import { lowestIdAt } from "../../core/id.ts";
import { migrate } from "../../results/migrate.ts";
import { freshDatabase } from "../../testing/services.ts";
import { TcpProxy } from "../../testing/tcp-proxy.ts";
import { until } from "../../testing/until.ts";
import type { RetentionOptions } from "./retention.ts";
import { startRetention } from "./retention.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

/** Retention every 20 ms, of a store of artifacts that is endless to scan. */
async function setup() {
  const { url } = await freshDatabase();
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const proxy = await TcpProxy.start(Number(new URL(url).port));
  open.push({ close: () => client.end() }, proxy);
  const warnings: unknown[] = [];
  let removals = 0;
  const artifacts = {
    removeOlderThan: async (_ageMs: number, signal?: AbortSignal): Promise<number> => {
      removals += 1;
      await delay(3_600_000, undefined, { ...(signal && { signal }) });
      return 0;
    },
  };
  const log = { info: () => undefined, warn: (...words: unknown[]) => warnings.push(words) };
  const start = (changes: Partial<RetentionOptions> = {}) =>
    startRetention({
      config: { RETENTION_DAYS: 30 },
      databaseUrl: proxy.before(url),
      artifacts,
      log,
      periodMs: 20,
      ...changes,
    });
  return { client, proxy, start, warnings, removals: () => removals };
}

async function msOf(work: Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
}

describe("retention", () => {
  it("does not overlap itself, and ends at once when it is closed", async () => {
    const { start, removals, warnings } = await setup();
    const close = start();
    await until(() => removals() > 0, { what: "artifacts are looked through" });
    await delay(200); // ten more periods
    expect(await msOf(close())).toBeLessThan(1_000);
    expect(removals()).toBe(1);
    expect(warnings).toEqual([]);
  });

  it.each([
    ["ahead of", 40],
    ["behind", -40],
  ])(
    "deletes nothing by a clock that is %s that of Postgres, and does not stop the other replicas",
    async (_, days) => {
      const { client, start, removals, warnings } = await setup();
      await client.query("create table jobs_y2020m01d01 (like jobs including all)");
      await client.query(
        `alter table jobs attach partition jobs_y2020m01d01 for values from ('${lowestIdAt(Date.UTC(2020, 0, 1))}') to ('${lowestIdAt(Date.UTC(2020, 0, 2))}')`,
      );
      vi.spyOn(Date, "now").mockImplementation(() => performance.timeOrigin + performance.now() + days * 86_400_000);
      const close = start();
      await until(() => warnings.length > 2, { what: "it is tried, and tried again" });
      vi.restoreAllMocks();
      expect(JSON.stringify(warnings[0])).toMatch(
        /clock of this machine is 3456\d\d\d s (ahead of|behind) that of Postgres/,
      );
      await until(() => removals() > 0, { what: "it goes on once the clock is right" });
      await close();
      expect((await client.query("select to_regclass('jobs_y2020m01d01') as name")).rows).toEqual([{ name: null }]);
    },
  );

  it("deletes nothing while Redis's clock, which dates the jobs, differs", async () => {
    const { client, start, removals, warnings } = await setup();
    let redisTime = Date.now() - 86_400_000;
    const close = start({ redisTime: () => redisTime });
    await until(() => warnings.length > 0, { what: "it is tried" });
    expect(removals()).toBe(0);
    redisTime = Date.now();
    await until(() => removals() > 0, { what: "it goes on" });
    await close();
    expect(
      (
        await client.query(
          "select from pg_locks where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())",
        )
      ).rowCount,
    ).toBe(0);
  });

  it("ends at once although one of its statements waits for a lock", async () => {
    const { client, start, removals } = await setup();
    await client.query("begin");
    await client.query("lock table accepted_keys in access exclusive mode");
    const close = start();
    await until(
      async () =>
        (await client.query("select from pg_locks where not granted and relation = 'accepted_keys'::regclass"))
          .rowCount,
      { what: "it waits" },
    );
    expect(await msOf(close())).toBeLessThan(1_000);
    expect(removals()).toBe(0);
  });

  it("ends at once although Postgres is silent", async () => {
    const { proxy, start } = await setup();
    proxy.setMode({ kind: "black-hole" });
    const close = start();
    await until(() => proxy.connections > 0, { what: "it connects" });
    expect(await msOf(close())).toBeLessThan(1_000);
  });
});
