import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, expect, it } from "vitest";
import { migrate } from "../results/migrate.ts";
import { openQueue } from "../testing/queue.ts";
import { freshDatabase, freshRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { watchInstallation } from "./installation.ts";

const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function setup() {
  const [{ address }, prod, staging] = await Promise.all([freshRedis(), freshDatabase(), freshDatabase()]);
  for (const { url } of [prod, staging]) await migrate(url);
  const redis = new Redis(address);
  const queue = await openQueue(address);
  closers.push(
    () => redis.disconnect(),
    () => queue.close(),
  );
  const errors: unknown[] = [];
  let unfit = 0;
  const watch = async (databaseUrl: string): Promise<void> => {
    const log = { error: (...args: unknown[]) => errors.push(...args) };
    closers.push(
      await watchInstallation({
        databaseUrl,
        namespace: "taskflow:0",
        queue,
        log,
        onUnfit: () => {
          unfit += 1;
        },
        periodMs: 50,
      }),
    );
  };
  return { redis, prod: prod.url, staging: staging.url, watch, errors, unfit: () => unfit };
}

const CONFLICT =
  /^The jobs in Redis under REDIS_NAMESPACE taskflow:0 belong to another Postgres database than the one that DATABASE_URL names: .* run DEL \{taskflow:0\}:installation in Redis\.$/;

it("gives a namespace to one database, and rejects another until the namespace is released", async () => {
  const { redis, prod, staging, watch } = await setup();
  await watch(prod);
  await watch(prod); // a second replica
  await expect(watch(staging)).rejects.toThrow(CONFLICT);
  await redis.del("{taskflow:0}:installation");
  closers.splice(-2).forEach((close) => void close()); // both are stopped
  await redis.del("{taskflow:0}:installation"); // what a look under way may have written
  await watch(staging);
  await expect(watch(prod)).rejects.toThrow(CONFLICT);
});

it("continues with an emptied Redis, and ends if another database has taken the namespace", async () => {
  const { redis, prod, watch, errors, unfit } = await setup();
  await watch(prod);
  await redis.del("{taskflow:0}:installation");
  await until(async () => (await redis.exists("{taskflow:0}:installation")) === 1, {
    what: "the namespace is declared again",
  });
  expect(unfit()).toBe(0);
  await redis.set("{taskflow:0}:installation", "another");
  await until(() => unfit() === 1, { what: "the conflict is noticed" });
  expect(errors).toEqual([expect.stringMatching(CONFLICT)]);
});

it("accepts a restored database, which has the same id", async () => {
  const { prod, staging, watch } = await setup();
  await watch(prod);
  const [from, to] = [prod, staging].map((connectionString) => new pg.Client({ connectionString }));
  if (!from || !to) throw new Error("no clients");
  await Promise.all([from.connect(), to.connect()]);
  const { rows } = await from.query<{ id: string }>("select id from installation");
  await to.query("update installation set id = $1", [rows[0]?.id]);
  await Promise.all([from.end(), to.end()]);
  await watch(staging);
});
