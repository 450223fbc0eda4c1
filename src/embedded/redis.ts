/** Redis for a machine on which nobody set one up: the installed server, or one fetched into a cache folder. */
import { realpathSync } from "node:fs";
import { freePort, requireFreePort } from "./free-port.ts";
import { makeDataDir } from "./data-dir.ts";
import { redisCommand } from "./redis-command.ts";
import { findRedis } from "./redis-binary.ts";
import { ServerProcess } from "./server-process.ts";

export interface RedisOptions {
  /** Where its append-only file lives. Made if missing; what it holds is served again. */
  readonly dataDir: string;
  /** Where a fetched server is kept for the next start. */
  readonly cacheDir: string;
  /** A free one when not given. */
  readonly port?: number;
  /** More of redis-server's own arguments, after ours, so that they win: `["--databases", "200"]`. */
  readonly args?: readonly string[];
}

export interface RunningRedis {
  /** `redis://127.0.0.1:PORT` */
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  /** Stops it; its data stays. */
  close(): Promise<void>;
}

// An append-only file of some GB is read back at about 100 MB/s.
const READY_WITHIN_MS = 120_000;
// It only has to sync its append-only file.
const STOP_WITHIN_MS = 20_000;

/**
 * Starts a Redis on 127.0.0.1 that keeps what it is given (append-only file, synced every second), and waits until it serves.
 * One left behind on the same folder by a killed parent is stopped first.
 * @throws StartError in one sentence.
 */
export async function startRedis({ dataDir, cacheDir, port, args = [] }: RedisOptions): Promise<RunningRedis> {
  const { command, env } = await findRedis(cacheDir);
  makeDataDir(dataDir, "Redis");
  const dir = realpathSync(dataDir);
  const ownPort = port ?? (await freePort());
  const server = await ServerProcess.start({
    name: "Redis",
    command,
    args: [...keepingArgs(ownPort, dir), ...args],
    dataDir: dir,
    env,
    stopSignal: "SIGTERM",
    stopWithinMs: STOP_WITHIN_MS,
    beforeSpawn: () => requireFreePort(ownPort, "Redis"),
    isReady: async () => (await redisCommand(ownPort, "PING")) === "+PONG",
    readyWithinMs: READY_WITHIN_MS,
  });
  return { address: `redis://127.0.0.1:${ownPort}`, port: ownPort, pid: server.pid, close: () => server.close() };
}

function keepingArgs(port: number, dir: string): string[] {
  return [
    ...["--bind", "127.0.0.1", "--port", String(port), "--dir", dir],
    ...["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""],
    ...["--maxmemory-policy", "noeviction"],
    ...["--zset-max-listpack-entries", "0", "--hash-max-listpack-entries", "0"], // a short list is searched from its beginning each time: 2 µs a job
  ];
}
