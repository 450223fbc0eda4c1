/** Reads the reply of INFO, and decides whether TaskFlow can use the server. */
import { BusyServer, UnfitServer } from "./unfit-server.ts";

export type ServerInfo = Readonly<Record<string, string>>;

const OLDEST_MAJOR = 7;

/** Reads the `name:value` lines of INFO. */
export function readInfo(text: string): ServerInfo {
  return Object.fromEntries(
    Array.from(text.matchAll(/^([^:#\s]+):(.*?)\r?$/gm), ([, name = "", value = ""]) => [name, value]),
  );
}

/**
 * Checks a server on each new connection, also after a failover.
 * @throws UnfitServer if it would lose jobs or is of an unsupported kind; BusyServer while it loads its data
 */
export function requireFit(info: ServerInfo, address: string): void {
  const { redis_version: version, redis_mode: mode, maxmemory_policy: policy } = info;
  if (mode === "sentinel")
    throw new UnfitServer(
      `The server at ${address} is a Sentinel: write redis+sentinel://HOST:PORT/MASTER_NAME in REDIS_ADDR.`,
    );
  if (version !== undefined && info.dragonfly_version === undefined && Number.parseInt(version, 10) < OLDEST_MAJOR) {
    const name = /keydb/i.test(info.executable ?? "") || info.mvcc_depth !== undefined ? "KeyDB" : "Redis";
    throw new UnfitServer(
      `${name} ${version} at ${address} is too old: TaskFlow needs Redis 7.0 or Valkey 7.2, or newer.`,
    );
  }
  if (info.loading !== undefined && info.loading !== "0") {
    throw new BusyServer(
      `Redis at ${address} is loading its data (${Math.floor(Number(info.loading_loaded_perc ?? 0))} % so far): wait until it is ready, and start again.`,
    );
  }
  if (policy !== undefined && policy !== "noeviction") {
    throw new UnfitServer(
      `Redis at ${address} would evict jobs when its memory is full (maxmemory-policy is ${policy}): set it to noeviction.`,
    );
  }
}
