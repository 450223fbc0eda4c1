import { existsSync } from "node:fs";
import pg from "pg";
import { expect, it } from "vitest";
import { redisCommand } from "../embedded/redis-command.ts";
import { freshDatabase, freshRedis, ownPostgres, ownRedis, tempDir } from "./services.ts";

it("gives each caller a separate Redis database", async () => {
  const addresses = await Promise.all(Array.from({ length: 5 }, async () => (await freshRedis()).address));
  expect(new Set(addresses).size).toBe(5);
  for (const address of addresses) expect(new URL(address).pathname).toMatch(/^\/[1-9]\d*$/u);
});

it("gives each caller a separate, empty Postgres database", async () => {
  const [one, other] = await Promise.all([freshDatabase(), freshDatabase()]);
  expect(one.url).not.toBe(other.url);
  expect(await query(one.url, "select count(*)::int as n from pg_tables where schemaname = 'public'")).toEqual([
    { n: 0 },
  ]);
});

it("makes a folder", () => {
  expect(existsSync(tempDir())).toBe(true);
});

it("kills, pauses and restarts a Redis without losing what it acknowledged", async () => {
  const redis = await ownRedis();
  await redisCommand(redis.port, "SET", "kept", "1");
  await redis.kill();
  await expect(redisCommand(redis.port, "PING")).rejects.toThrow();
  await redis.restart();
  expect(await redisCommand(redis.port, "EXISTS", "kept")).toBe(":1");
  redis.pause();
  const answer = redisCommand(redis.port, "PING");
  redis.resume();
  expect(await answer).toBe("+PONG");
  await redis.stop();
  await redis.restart();
  expect(await redisCommand(redis.port, "EXISTS", "kept")).toBe(":1");
});

it("kills and restarts a Postgres without losing what it committed", async () => {
  const postgres = await ownPostgres();
  await query(postgres.address, "create table kept as select 1 as n");
  await postgres.kill();
  await postgres.restart();
  expect(await query(postgres.address, "select n from kept")).toEqual([{ n: 1 }]);
  postgres.pause();
  const answer = query(postgres.address, "select 2 as n");
  postgres.resume();
  expect(await answer).toEqual([{ n: 2 }]);
});

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}
