import { parseServerAddr } from "./server-addr.ts";

/** A Redis server. */
export interface RedisAddr {
  readonly host: string;
  readonly port: number;
  /** The same with user, password, database and TLS, as the Redis client takes it: a secret, never to be printed as it is. */
  readonly url: string;
}

const DEFAULT_PORT = 6379;

/**
 * Reads `host`, `host:port`, or a `redis://` or `rediss://` (TLS) URL with user, password and database
 * (https://www.iana.org/assignments/uri-schemes/prov/redis); undefined for anything else.
 */
export function parseRedisAddr(text: string): RedisAddr | undefined {
  if (!text.includes("://")) return parseHostPort(text);
  if (!/^rediss?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isPlain = url.hash === "" && /^(?:\/\d{0,5})?$/.test(url.pathname);
  if (!isPlain || url.hostname === "" || text.split("@").length > 2) return undefined;
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port === "" ? DEFAULT_PORT : Number(url.port), url: url.href };
}

function parseHostPort(text: string): RedisAddr | undefined {
  const addr = parseServerAddr(/:\d+$/.test(text) ? text : `${text}:${DEFAULT_PORT}`);
  if (addr === undefined || addr.host === "" || addr.port === 0) return undefined;
  const host = addr.host.includes(":") ? `[${addr.host}]` : addr.host;
  return { ...addr, url: `redis://${host}:${addr.port}` };
}
