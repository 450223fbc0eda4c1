/**
 * Fetches redis-server from the Debian or Ubuntu archive without installing it: apt uses a separate state folder, so it
 * needs neither root nor fresh lists, then dpkg unpacks into a folder. apt verifies the archive's signatures.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { plainEnvironment } from "../config/plain-environment.ts";
import { closeAll, OWNER_ONLY } from "./data-dir.ts";

const run = promisify(execFile);

const FETCH_WITHIN_MS = 180_000;
const PACKAGES = ["redis-server", "redis-tools"];

/**
 * Unpacks redis-server under `root`, and its libraries too if the server does not run without them. Creates `root`
 * atomically. Rejects if the system is not based on Debian, or the archive cannot be reached.
 */
export async function fetchRedis(
  root: string,
  searchPath: string,
  runs: (root: string) => Promise<boolean>,
): Promise<void> {
  mkdirSync(dirname(root), { recursive: true, mode: OWNER_ONLY });
  const work = mkdtempSync(`${root}-`);
  try {
    const apt = new Apt(work, searchPath);
    await apt.update();
    const unpackedRoot = join(work, "root");
    await apt.unpack(PACKAGES, unpackedRoot);
    if (!(await runs(unpackedRoot))) await apt.unpack(await apt.librariesOf(PACKAGES), unpackedRoot);
    closeAll(unpackedRoot); // packages are open to other users, a data folder is not
    rmSync(root, { recursive: true, force: true });
    renameSync(unpackedRoot, root);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The proxy settings of this machine. */
function proxies(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => /^(https?|ftp|all|no)_proxy$|^APT_CONFIG$/i.test(name)),
  );
}

/** Runs apt and dpkg within a work folder. */
class Apt {
  readonly #work: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(work: string, searchPath: string) {
    this.#work = work;
    this.#env = {
      ...plainEnvironment(),
      ...proxies(),
      PATH: searchPath,
      LC_ALL: "C",
      DEBIAN_FRONTEND: "noninteractive",
    };
    for (const folder of ["state/lists/partial", "cache/archives/partial", "debs"])
      mkdirSync(join(work, folder), { recursive: true });
  }

  async update(): Promise<void> {
    await this.#apt("apt-get", "-q", "update");
  }

  async unpack(packages: readonly string[], root: string): Promise<void> {
    const debs = join(this.#work, "debs");
    await this.#apt("apt-get", "-q", "download", ...packages);
    for (const deb of readdirSync(debs)) await this.#run("dpkg", "-x", join(debs, deb), root);
  }

  /**
   * The libraries that packages need, directly or indirectly, except the C library, which must match the loader of the
   * machine.
   */
  async librariesOf(packages: readonly string[]): Promise<string[]> {
    const strict = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"].map(
      (kind) => `--no-${kind}`,
    );
    const lines = (await this.#apt("apt-cache", "depends", "--recurse", ...strict, ...packages)).split("\n");
    return lines.filter((line) => /^(?:lib|lua-)/u.test(line) && !/^libc6|perl|^libelogind/u.test(line));
  }

  #apt(command: string, ...args: string[]): Promise<string> {
    const options = [
      `Dir::State=${join(this.#work, "state")}`,
      `Dir::Cache=${join(this.#work, "cache")}`,
      "Dir::State::status=/var/lib/dpkg/status",
      "APT::Sandbox::User=root", // otherwise apt, started by root, runs as a user who may not enter the folder
      "Debug::NoLocking=1",
      "Acquire::Retries=3",
    ];
    return this.#run(command, ...options.flatMap((option) => ["-o", option]), ...args);
  }

  async #run(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await run(command, args, {
      cwd: join(this.#work, "debs"),
      env: this.#env,
      timeout: FETCH_WITHIN_MS,
      maxBuffer: 16 * 1024 * 1024,
    });
    return stdout;
  }
}
