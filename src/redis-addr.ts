import type { ServerAddr } from "./server-addr.ts";
import { parseServerAddr } from "./server-addr.ts";

/** A Redis server, or the Sentinels that know where it is. */
export interface RedisAddr {
  /** Where to ask first: the server, or the first Sentinel. */
  readonly host: string;
  readonly port: number;
  /** All of it, with user, password, database and TLS, as the queue's client takes it: a secret, never to be printed as it is. */
  readonly url: string;
}

/** A Redis whose master is found by asking Sentinels (https://redis.io/docs/latest/develop/reference/sentinel-clients/). */
export interface SentinelAddr {
  readonly sentinels: readonly ServerAddr[];
  readonly masterName: string;
  readonly database: number;
  /** For the master and the Sentinels. */
  readonly isTls: boolean;
  /** The master's. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** The Sentinels' own, where they ask for any. */
  readonly sentinelUser: string | undefined;
  readonly sentinelPassword: string | undefined;
}

const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;

/**
 * Reads `host`, `host:port`, a `redis://` or `rediss://` (TLS) URL with user, password and database
 * (https://www.iana.org/assignments/uri-schemes/prov/redis), or one for Sentinels ({@link parseSentinelAddr}); undefined for anything else.
 */
export function parseRedisAddr(text: string): RedisAddr | undefined {
  if (!text.includes("://")) return parseHostPort(text);
  const [sentinel] = parseSentinelAddr(text)?.sentinels ?? [];
  if (sentinel) return { ...sentinel, url: text };
  if (!/^rediss?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isPlain = url.hash === "" && /^(?:\/\d{0,5})?$/.test(url.pathname);
  if (!isPlain || url.hostname === "" || text.split("@").length > 2) return undefined;
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port === "" ? DEFAULT_PORT : Number(url.port), url: url.href };
}

const SENTINEL_URL = /^redis(s?)\+sentinel:\/\/(?:([^@/?#:]*)(?::([^@/?#]*))?@)?([^@/?#]+)\/([\w.-]+)(?:\/(\d{1,5}))?(?:\?([^#@]*))?$/i;

/**
 * Reads `redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/MASTER_NAME[/DATABASE][?sentinel_user=…&sentinel_password=…]`,
 * or `rediss+sentinel://` for TLS to the master and the Sentinels. User and password are the master's; those of the Sentinels stand
 * apart, as in Redis itself. Undefined for anything else. URLs of several hosts are none to the URL standard, so it is read by hand.
 */
export function parseSentinelAddr(text: string): SentinelAddr | undefined {
  const match = SENTINEL_URL.exec(text);
  if (!match) return undefined;
  const [, tls, user, password, hosts = "", masterName = "", database = "0", query = ""] = match;
  const sentinels = hosts.split(",").map((host) => parseServer(host, DEFAULT_SENTINEL_PORT));
  const parameters = new URLSearchParams(query);
  const isKnown = [...parameters.keys()].every((name) => name === "sentinel_user" || name === "sentinel_password");
  if (!sentinels.every((addr) => addr !== undefined) || !isKnown || !isPercentEncoded(user) || !isPercentEncoded(password)) return undefined;
  return {
    sentinels,
    masterName,
    database: Number(database),
    isTls: tls !== "",
    user: decoded(user),
    password: decoded(password),
    sentinelUser: parameters.get("sentinel_user") ?? undefined,
    sentinelPassword: parameters.get("sentinel_password") ?? undefined,
  };
}

function isPercentEncoded(part = ""): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false; // a bare %, or bytes that are no UTF-8
  }
}

function decoded(part: string | undefined): string | undefined {
  return part === undefined || part === "" ? undefined : decodeURIComponent(part);
}

function parseServer(text: string, defaultPort: number): ServerAddr | undefined {
  const addr = parseServerAddr(/:\d+$/.test(text) ? text : `${text}:${defaultPort}`);
  return addr === undefined || addr.host === "" || addr.port === 0 ? undefined : addr;
}

function parseHostPort(text: string): RedisAddr | undefined {
  const addr = parseServer(text, DEFAULT_PORT);
  if (!addr) return undefined;
  const host = addr.host.includes(":") ? `[${addr.host}]` : addr.host;
  return { ...addr, url: `redis://${host}:${addr.port}` };
}
