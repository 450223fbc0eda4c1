/** One Redis and one Postgres for the whole test run; services.ts gives each test its own part of them. */
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startPostgres } from "../embedded/postgres.ts";
import { startRedis } from "../embedded/redis.ts";
import { redisCacheDir } from "./own-servers.ts";
import { makeTempDir } from "./temp-dir.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly redisPort: number;
    /** Of an empty database that nothing is written to. */
    readonly postgresUrl: string;
  }
}

/** How many databases the Redis of the run has: each is given once. Number 0 holds only the counter that allots the others. */
export const REDIS_DATABASES = 2_000;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = makeTempDir();
  const [redis, postgres] = await Promise.all([
    startRedis({
      dataDir: join(dir.path, "redis"),
      cacheDir: redisCacheDir,
      args: ["--databases", String(REDIS_DATABASES), "--appendonly", "no"],
    }),
    startPostgres({
      dataDir: join(dir.path, "postgres"),
      args: ["-c", "max_connections=300", "-c", "fsync=off", "-c", "full_page_writes=off"],
    }),
  ]);
  project.provide("redisPort", redis.port);
  project.provide("postgresUrl", postgres.url);
  return async () => {
    await Promise.all([redis.close(), postgres.close()]);
    dir.remove();
  };
}
