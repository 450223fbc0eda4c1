/**
 * Gives a test file its part of the services of the run (global-setup.ts), and its own servers. All of it is released
 * when the file ends. Redis databases keep keys apart, not pub/sub channels, CONFIG, SCRIPT FLUSH or FLUSHALL: a test
 * that touches those uses `ownRedis`.
 */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, inject } from "vitest";
import { redisCommand } from "../embedded/redis-command.ts";
import { REDIS_DATABASES } from "./global-setup.ts";
import { type OwnServer, startOwnPostgres, startOwnRedis } from "./own-servers.ts";
import { makeTempDir } from "./temp-dir.ts";

const leftovers: (() => unknown)[] = [];
afterAll(async () => {
  for (const giveBack of leftovers.splice(0).reverse()) await giveBack();
});

/** An empty Redis database that no other caller has, in this or another test process. */
export async function freshRedis(): Promise<{ readonly address: string }> {
  const port = inject("redisPort");
  const database = Number((await redisCommand(port, "INCR", "databases-given")).slice(1));
  if (database >= REDIS_DATABASES)
    throw new Error(`more than ${REDIS_DATABASES - 1} Redis databases are used: raise REDIS_DATABASES`);
  return { address: `redis://127.0.0.1:${port}/${database}` };
}

/** An empty Postgres database that no other caller has. @param options of `create database` */
export async function freshDatabase(options = ""): Promise<{ readonly url: string }> {
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await administer(`create database ${name} ${options}`);
  leftovers.push(() => administer(`drop database if exists ${name} with (force)`));
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  return { url: url.href };
}

/** A new empty folder. */
export function tempDir(): string {
  const dir = makeTempDir();
  leftovers.push(() => dir.remove());
  return dir.path;
}

/** Starts a Redis for one test. @param args arguments of redis-server */
export async function ownRedis(args: readonly string[] = []): Promise<OwnServer> {
  const server = await startOwnRedis(args);
  leftovers.push(() => server.close());
  return server;
}

/** Starts a Postgres for one test. @param args arguments of postgres */
export async function ownPostgres(args: readonly string[] = []): Promise<OwnServer> {
  const server = await startOwnPostgres(args);
  leftovers.push(() => server.close());
  return server;
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject("postgresUrl") });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
