/**
 * Services that the scenarios of one run share: a Redis with an append-only file, a Postgres, and the copied program.
 */
import pg from "pg";
import type { OwnServer } from "../../src/testing/own-servers.ts";
import { startOwnPostgres, startOwnRedis } from "../../src/testing/own-servers.ts";
import type { Program } from "./program.ts";
import { copyProgram } from "./program.ts";
import { RedisView } from "./redis-view.ts";

export interface Services {
  readonly redis: OwnServer;
  readonly postgres: OwnServer;
  readonly program: Program;
  /** Empties Redis and creates a new database, to remove all state of earlier scenarios. */
  fresh(): Promise<{ readonly databaseUrl: string }>;
  close(): Promise<void>;
}

export async function startServices(): Promise<Services> {
  const program = copyProgram();
  const [redis, postgres] = await Promise.all([startOwnRedis(), startOwnPostgres(["-c", "max_connections=200"])]);
  let databases = 0;
  return {
    redis,
    postgres,
    program,
    fresh: async () => {
      const view = new RedisView(redis.address);
      await view.send("CONFIG", "SET", "maxmemory", "0", "appendfsync", "always");
      await view.send("FLUSHALL");
      view.close();
      databases += 1;
      const name = `chaos_${databases}`;
      await administer(postgres.address, `create database ${name}`);
      const url = new URL(postgres.address);
      url.pathname = `/${name}`;
      return { databaseUrl: url.href };
    },
    close: async () => {
      await Promise.all([redis.close(), postgres.close()]);
      program.remove();
    },
  };
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
