/** Servers for one test, with separate ports and folders. Tests can kill, pause and restart them on the same data. */
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startPostgres } from "../embedded/postgres.ts";
import { identityOf } from "../embedded/process-identity.ts";
import { startRedis } from "../embedded/redis.ts";
import { makeTempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

/** The folder that keeps a fetched Redis between test runs. */
export const redisCacheDir = fileURLToPath(new URL("../../.cache/redis", import.meta.url));

/**
 * Makes a program's data folder with the Redis of the run in its cache: fetching takes 10 s, and redis.test.ts tests
 * it.
 */
export function makeDataFolder(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true });
  symlinkSync(redisCacheDir, join(dataDir, "cache"));
}

export interface OwnServer {
  /** `redis://…` or `postgres://…`: the same after a restart. */
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  /** Kills the server by SIGKILL, so it saves nothing. */
  kill(): Promise<void>;
  /** Stops the server gracefully; it saves its data. */
  stop(): Promise<void>;
  /** Restarts the server on the same data and port. Stops it gracefully first if it runs. */
  restart(): Promise<void>;
  /** Suspends all processes of the server: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

/** A Redis that keeps an append-only file, synced on each write unless `args` say otherwise. */
export function startOwnRedis(args: readonly string[] = []): Promise<OwnServer> {
  return ownServer(async (dataDir, port) => {
    const redis = await startRedis({
      dataDir,
      cacheDir: redisCacheDir,
      args: ["--appendfsync", "always", ...args],
      ...port,
    });
    return { ...redis, close: () => redis.close() };
  });
}

/** A Postgres with a database `taskflow`; it writes durably. */
export function startOwnPostgres(args: readonly string[] = []): Promise<OwnServer> {
  return ownServer(async (dataDir, port) => {
    const postgres = await startPostgres({ dataDir, args, ...port });
    return { ...postgres, address: postgres.url, close: () => postgres.close() };
  });
}

interface Started {
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  close(): Promise<void>;
}

async function ownServer(
  start: (dataDir: string, port: { readonly port?: number }) => Promise<Started>,
): Promise<OwnServer> {
  const dir = makeTempDir();
  let server = await start(dir.path, {});
  const { address, port } = server;
  const kill = async (): Promise<void> => {
    const pids = family(server.pid);
    send(pids, "SIGKILL");
    await until(() => pids.every((pid) => identityOf(pid) === undefined), { what: "the server is gone" });
    await server.close();
  };
  const resume = (): void => send(family(server.pid), "SIGCONT");
  const stop = async (): Promise<void> => {
    resume(); // a paused process cannot react
    await server.close();
  };
  return {
    address,
    port,
    kill,
    stop,
    resume,
    get pid() {
      return server.pid;
    },
    restart: async () => {
      await stop();
      server = await start(dir.path, { port });
    },
    pause: () => send(family(server.pid), "SIGSTOP"),
    close: async () => {
      await kill();
      dir.remove();
    },
  };
}

/** A server and its children, the server first: a paused postmaster makes no new ones. */
function family(pid: number): number[] {
  if (identityOf(pid) === undefined) return [];
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  return [pid, ...children];
}

function send(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // it has ended in the meantime
    }
  }
}
