import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { migrate } from "../results/migrate.ts";
import { freshDatabase } from "../testing/services.ts";
import { TcpProxy } from "../testing/tcp-proxy.ts";
import { until } from "../testing/until.ts";
import { startRetention } from "./retention.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

/** Retention every 20 ms, of a store of artifacts that is looked through for ever. */
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
  const start = () => startRetention({ config: { RETENTION_DAYS: 30 }, databaseUrl: proxy.before(url), artifacts, log, periodMs: 20 });
  return { client, proxy, start, warnings, removals: () => removals };
}

async function msOf(work: Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
}

describe("retention", () => {
  it("is not begun again while it is under way, and ends at once when it is closed", async () => {
    const { start, removals, warnings } = await setup();
    const close = start();
    await until(() => removals() > 0, { what: "artifacts are looked through" });
    await delay(200); // ten more periods
    expect(await msOf(close())).toBeLessThan(1_000);
    expect(removals()).toBe(1);
    expect(warnings).toEqual([]);
  });

  it("ends at once though a statement of its waits for a lock", async () => {
    const { client, start, removals } = await setup();
    await client.query("begin");
    await client.query("lock table accepted_keys in access exclusive mode");
    const close = start();
    await until(async () => (await client.query("select from pg_locks where not granted and relation = 'accepted_keys'::regclass")).rowCount, { what: "it waits" });
    expect(await msOf(close())).toBeLessThan(1_000);
    expect(removals()).toBe(0);
  });

  it("ends at once though Postgres is silent", async () => {
    const { proxy, start } = await setup();
    proxy.setMode({ kind: "black-hole" });
    const close = start();
    await until(() => proxy.connections > 0, { what: "it connects" });
    expect(await msOf(close())).toBeLessThan(1_000);
  });
});
