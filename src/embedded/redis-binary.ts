/** Finds a redis-server: an installed one, or one that TaskFlow fetches into its cache. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { plainEnvironment } from "../config/plain-environment.ts";
import { StartError } from "../errors.ts";
import { fetchRedis } from "./redis-fetch.ts";

const run = promisify(execFile);

export interface RedisBinary {
  readonly command: string;
  /** The environment, including the path of the server's libraries. */
  readonly env: NodeJS.ProcessEnv;
}

const NAMES = ["redis-server", "valkey-server"];
const OLDEST_MAJOR = 7; // the first version whose scripts may write when memory is full (`allow-oom`)

/**
 * Finds a Redis or Valkey of version 7 or newer: on `searchPath` (by default PATH), else in the cache folder. On Debian
 * and Ubuntu this function fetches a server into that folder; it changes nothing else and does not need root.
 * @throws StartError in one sentence that says what to install.
 */
export async function findRedis(
  cacheDir: string,
  searchPath: string = process.env["PATH"] ?? "",
): Promise<RedisBinary> {
  const cached = join(cacheDir, "server");
  const found = (await installed(searchPath)) ?? (await unpacked(cached));
  if (found) return found;
  let cause: unknown;
  try {
    await fetchRedis(cached, searchPath, async (root) => (await unpacked(root)) !== undefined);
    const fetched = await unpacked(cached);
    if (fetched) return fetched;
  } catch (error) {
    cause = error;
  }
  throw new StartError(
    "No redis-server or valkey-server of version 7 or newer is installed, and none could be fetched: install one (apt-get install redis-server, brew install redis, dnf install valkey), or set REDIS_ADDR.",
    cause,
  );
}

async function installed(searchPath: string): Promise<RedisBinary | undefined> {
  for (const folder of searchPath.split(delimiter).filter(Boolean)) {
    for (const name of NAMES) {
      const binary = { command: join(folder, name), env: plainEnvironment() };
      if (await isNewEnough(binary)) return binary;
    }
  }
  return undefined;
}

/** Finds the server and its libraries in the packages unpacked under `root`. */
async function unpacked(root: string): Promise<RedisBinary | undefined> {
  const folders = [join(root, "usr/lib"), join(root, "lib")].flatMap((lib) => [lib, ...subfolders(lib)]);
  const env = {
    ...plainEnvironment(),
    LD_LIBRARY_PATH: [...folders, process.env["LD_LIBRARY_PATH"]].filter(Boolean).join(":"),
  };
  const binary = { command: join(root, "usr/bin/redis-server"), env };
  return (await isNewEnough(binary)) ? binary : undefined;
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.includes("-linux-"))
      .map((name) => join(folder, name));
  } catch {
    return []; // nothing is unpacked there
  }
}

async function isNewEnough({ command, env }: RedisBinary): Promise<boolean> {
  try {
    const { stdout } = await run(command, ["--version"], { env, timeout: 10_000 });
    return Number(/ v=(\d+)\./u.exec(stdout)?.[1]) >= OLDEST_MAJOR;
  } catch {
    return false; // missing, or not executable on this machine: try the next one
  }
}
