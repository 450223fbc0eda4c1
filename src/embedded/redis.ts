/** Starts a Redis if none is configured: the installed server, or one fetched into a cache folder. */
import { randomBytes } from "node:crypto";
import { readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../errors.ts";
import { closeAll, makeDataDir } from "./data-dir.ts";
import { freePort, requireFreePort } from "./free-port.ts";
import { findRedis } from "./redis-binary.ts";
import { redisCommand } from "./redis-command.ts";
import { ServerProcess } from "./server-process.ts";

export interface RedisOptions {
  /** The folder of its append-only file. It is created if missing and reused later. */
  readonly dataDir: string;
  /** The folder in which a fetched server remains for the next start. */
  readonly cacheDir: string;
  /** A free port by default. */
  readonly port?: number;
  /**
   * Whether the server requires the password in the file `password` of its folder, which is created if missing. Any
   * user of the machine can reach the port.
   */
  readonly hasPassword?: boolean;
  /**
   * Further arguments of redis-server. They follow TaskFlow's arguments and override them: `["--databases", "200"]`.
   */
  readonly args?: readonly string[];
}

export interface RunningRedis {
  /** `redis://127.0.0.1:PORT`, with user and password if the server requires them. */
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  /** Stops the server and keeps its data. */
  close(): Promise<void>;
}

// Redis loads an append-only file at about 100 MB/s, and the file may have some GB.
const READY_WITHIN_MS = 120_000;
// The shutdown only syncs the append-only file.
const STOP_WITHIN_MS = 20_000;

/**
 * Starts a persistent Redis on 127.0.0.1 (append-only file, synced every second), and waits until it accepts commands.
 * It first stops a server that a killed parent left on the same folder.
 * @throws StartError in one sentence.
 */
export async function startRedis({
  dataDir,
  cacheDir,
  port,
  hasPassword = false,
  args = [],
}: RedisOptions): Promise<RunningRedis> {
  const { command, env } = await findRedis(cacheDir);
  makeDataDir(dataDir, "Redis");
  const dir = realpathSync(dataDir);
  closeAll(dir);
  const ownPort = port ?? (await freePort());
  const password = hasPassword ? passwordIn(dir) : undefined;
  const address = `redis://${password === undefined ? "" : `default:${password}@`}127.0.0.1:${ownPort}`;
  const server = await ServerProcess.start({
    name: "Redis",
    command,
    // "-": standard input has the rest of the configuration
    args: [...(password === undefined ? [] : ["-"]), ...keepingArgs(ownPort, dir), ...args],
    ...(password !== undefined && { input: `requirepass ${password}\n` }),
    dataDir: dir,
    env,
    stopSignal: "SIGTERM",
    stopWithinMs: STOP_WITHIN_MS,
    beforeSpawn: () => requireFreePort(ownPort, "Redis"),
    isReady: async () => (await redisCommand(address, "PING")) === "+PONG",
    readyWithinMs: READY_WITHIN_MS,
  });
  return { address, port: ownPort, pid: server.pid, close: () => server.close() };
}

/** The password of an earlier start, because clients may still use it; a new one if it is missing or incomplete. */
function passwordIn(dir: string): string {
  const file = join(dir, "password");
  const known = readIfThere(file).trim();
  if (/^[0-9a-f]{48}$/.test(known)) return known;
  const password = randomBytes(24).toString("hex");
  writeFileSync(`${file}.new`, password, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return password;
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "";
    throw error;
  }
}

function keepingArgs(port: number, dir: string): string[] {
  return [
    ...["--bind", "127.0.0.1", "--port", String(port), "--dir", dir],
    ...["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""],
    ...["--maxmemory-policy", "noeviction"],
    // Redis searches a short list from its beginning each time: 2 µs a job
    ...["--zset-max-listpack-entries", "0", "--hash-max-listpack-entries", "0"],
  ];
}
