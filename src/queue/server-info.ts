/** What a server says of itself in INFO, and whether TaskFlow can use such a server. */
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
 * Looks at what must hold of every server that jobs are kept on, also of one that a failover leads to.
 * @throws UnfitServer for one that would lose jobs or is of another kind; BusyServer while it loads its data
 */
export function requireFit(info: ServerInfo, place: string): void {
  const { redis_version: version, redis_mode: mode, maxmemory_policy: policy } = info;
  if (mode === "sentinel")
    throw new UnfitServer(
      `The server at ${place} is a Sentinel: write redis+sentinel://HOST:PORT/MASTER_NAME in REDIS_ADDR.`,
    );
  if (version !== undefined && info.dragonfly_version === undefined && Number.parseInt(version, 10) < OLDEST_MAJOR) {
    const name = /keydb/i.test(info.executable ?? "") || info.mvcc_depth !== undefined ? "KeyDB" : "Redis";
    throw new UnfitServer(
      `${name} ${version} at ${place} is too old: TaskFlow needs Redis 7.0 or Valkey 7.2, or newer.`,
    );
  }
  if (info.loading !== undefined && info.loading !== "0") {
    throw new BusyServer(
      `Redis at ${place} is loading its data (${Math.floor(Number(info.loading_loaded_perc ?? 0))} % so far): wait until it has, and start again.`,
    );
  }
  if (policy !== undefined && policy !== "noeviction") {
    throw new UnfitServer(
      `Redis at ${place} would evict jobs when its memory is full (maxmemory-policy is ${policy}): set it to noeviction.`,
    );
  }
}
