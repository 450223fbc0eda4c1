/**
 * Before the tests of the project `live`: builds dist/, and starts one Redis and one Postgres for the whole run.
 * services.ts gives each test file its own part of them.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { startPostgres } from "../embedded/postgres.ts";
import { startRedis } from "../embedded/redis.ts";
import { redisCacheDir } from "./own-servers.ts";
import { makeTempDir } from "./temp-dir.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly redisPort: number;
    /** The URL of an empty database that no test writes to. */
    readonly postgresUrl: string;
  }
}

/** Databases of the run's Redis. services.ts gives each of them once; database 0 only holds the counter for that. */
export const REDIS_DATABASES = 2_000;

const BUILD_SCRIPT = fileURLToPath(new URL("../../scripts/build.mjs", import.meta.url));

/**
 * Many tests start threads and programs from dist/: without this, they would test the code as it was at the last build.
 * Takes 0.3 s if dist/ is current.
 */
function build(): void {
  try {
    execFileSync(process.execPath, [BUILD_SCRIPT], { stdio: "inherit" });
  } catch (error) {
    throw new Error("src/ cannot be built, and the tests would run the code of the previous build", { cause: error });
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  build();
  project.onTestsRerun(build); // in watch mode
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
