/** Built programs of a test file, with their services and folders. All of them are removed when the file ends. */
import { join } from "node:path";
import { afterAll } from "vitest";
import { lastServer } from "../embedded/server-process.ts";
import { testJobsDir } from "./jobs-dir.ts";
import { makeDataFolder } from "./own-servers.ts";
import { Program } from "./process.ts";
import { freshDatabase, freshRedis, tempDir } from "./services.ts";

type Environment = Readonly<Record<string, string>>;

const programs: Program[] = [];
const folders: string[] = [];
afterAll(async () => {
  await Promise.all(programs.map((program) => program.close()));
  // Servers of a killed program whose test failed before the next program took them over.
  for (const server of folders.flatMap((folder) =>
    ["redis", "postgres"].map((name) => lastServer(join(folder, "data", name))),
  )) {
    if (server?.lives) process.kill(server.pid, "SIGINT");
  }
});

/** The working folder of a program without settings, which has its data in `./data`. */
export function ownFolder(): string {
  const folder = tempDir();
  makeDataFolder(join(folder, "data"));
  folders.push(folder);
  return folder;
}

/** Starts a program in a folder with only these variables, and does not wait until it serves. */
export function launch(
  folder: string,
  env: Environment = {},
  args: readonly string[] = [],
  node = process.execPath,
): Program {
  const program = new Program({ cwd: folder, env, args, node });
  programs.push(program);
  return program;
}

export interface Installation {
  readonly database: string;
  /** Starts one more program on it, with these additional settings, by this Node.js or another one. */
  readonly start: (env?: Environment, node?: string) => Program;
}

/** An empty Redis and an empty Postgres; programs on them get short leases, the test job types, and no mail server. */
export async function installation(): Promise<Installation> {
  const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
  const own = {
    REDIS_ADDR: redis.address,
    DATABASE_URL: database.url,
    SMTP_URL: "smtp://127.0.0.1:1",
    WORKER_COUNT: "1",
    LEASE_MS: "1000",
    TASKFLOW_JOBS: testJobsDir,
  };
  return {
    database: database.url,
    start: (env = {}, node = process.execPath) => launch(tempDir(), { ...own, ...env }, [], node),
  };
}
