import type { ServerAddr } from "./server-addr.ts";
import { parseServerAddr } from "./server-addr.ts";

/** A Redis server, or the Sentinels that know where it is. */
export interface RedisAddr {
  /** Where to ask first: the server, or the first Sentinel. The path of a Unix socket, with port 0. */
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
  /** The master's. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** The Sentinels' own, where they ask for any. */
  readonly sentinelUser: string | undefined;
  readonly sentinelPassword: string | undefined;
  /** For the master and the Sentinels. */
  readonly isTls: boolean;
  readonly tls: TlsFiles | undefined;
}

/** How a connection by TLS is made, where the defaults of Node.js do not do. */
export interface TlsFiles {
  /** Certificates of the authorities that are trusted, in place of Node.js's own: a file in PEM. */
  readonly cafile?: string;
  /** The client's own certificate and its key: files in PEM. */
  readonly certfile?: string;
  readonly keyfile?: string;
  /** The name that the server's certificate must have, in place of the address. */
  readonly servername?: string;
}

/** One server, with what its URL says. */
export interface RedisTarget {
  /** The path of a Unix socket; undefined where host and port are given. */
  readonly path: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly isTls: boolean;
  readonly tls: TlsFiles | undefined;
}

/** An address as a message names it: without its password. */
export function addressOf({ host, port }: Pick<RedisAddr, "host" | "port">): string {
  return port === 0 ? host : `${host}:${port}`;
}

const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;

/**
 * Reads `host`, `host:port`, a `redis://` or `rediss://` (TLS) URL with user, password and database
 * (https://www.iana.org/assignments/uri-schemes/prov/redis), `unix:///path?db=N`, or a URL for Sentinels ({@link parseSentinelAddr});
 * undefined for anything else.
 */
export function parseRedisAddr(text: string): RedisAddr | undefined {
  if (!text.includes("://")) return parseHostPort(text);
  const [sentinel] = parseSentinelAddr(text)?.sentinels ?? [];
  if (sentinel) return { ...sentinel, url: text };
  const target = parseRedisTarget(text);
  if (!target) return undefined;
  const { path, host, port } = target;
  return path === undefined ? { host, port, url: new URL(text).href } : { host: path, port: 0, url: text };
}

const SERVER_URL = /^(?:rediss?|unix):\/\//i;

/** Reads the URL of one server; undefined for anything else. */
export function parseRedisTarget(text: string): RedisTarget | undefined {
  const readable = text.replace(/^(unix:\/\/[^/?#]*@)\//i, "$1socket/"); // the URL standard takes user information before a host only
  if (!SERVER_URL.test(text) || !URL.canParse(readable) || text.split("@").length > 2) return undefined;
  const url = new URL(readable);
  const isUnix = url.protocol === "unix:";
  const hasPlace = isUnix
    ? url.host === (readable === text ? "" : "socket") && url.pathname.length > 1
    : url.hostname !== "" && /^(?:\/\d{0,5})?$/.test(url.pathname);
  const parts = [url.username, url.password, url.pathname];
  if (!hasPlace || url.hash !== "" || parametersIssue(text) !== undefined || !parts.every(isPercentEncoded))
    return undefined;
  const database = isUnix ? (url.searchParams.get("db") ?? "0") : url.pathname.slice(1);
  if (!/^\d{0,5}$/.test(database)) return undefined;
  return {
    path: isUnix ? decodeURIComponent(url.pathname) : undefined,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    user: decoded(url.username),
    password: decoded(url.password),
    database: Number(database),
    isTls: url.protocol === "rediss:",
    tls: tlsFiles(url.searchParams),
  };
}

const TLS_PARAMETERS = ["cafile", "certfile", "keyfile", "servername"];
const SENTINEL_PARAMETERS = ["sentinel_user", "sentinel_password"];
/** What may follow the `?` of each form. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  redis: [],
  rediss: TLS_PARAMETERS,
  unix: ["db"],
  "redis+sentinel": SENTINEL_PARAMETERS,
  "rediss+sentinel": [...SENTINEL_PARAMETERS, ...TLS_PARAMETERS],
};

const PARAMETER_NAME = /^[a-z][\w.]{0,30}$/i;

/** What is wrong with an address that cannot be read, as "expected …", where more can be said than the forms there are. */
export function redisAddrIssue(text: string): string | undefined {
  if (/^(?:redis:\/\/)?\//.test(text) || /^unix:(?!\/\/)/.test(text)) return "unix:///PATH for a Unix socket";
  return parametersIssue(text);
}

function parametersIssue(text: string): string | undefined {
  const [, scheme = "", query = ""] = /^([a-z+]+):\/\/[^?#]*(?:\?([^#]*))?/i.exec(text) ?? [];
  const allowed = PARAMETERS[scheme.toLowerCase()];
  if (!allowed || query === "") return undefined;
  const given = new URLSearchParams(query);
  const unknown = [...new Set(given.keys())].filter((name) => !allowed.includes(name));
  const known = allowed.length === 0 ? "none" : allowed.join(", ");
  // a password with an unescaped ? looks like a parameter, and must not be shown
  const names = unknown.every((name) => PARAMETER_NAME.test(name)) ? ` ${unknown.join(", ")}` : "s but these";
  if (unknown.length > 0) return `no parameter${names} (those of ${scheme.toLowerCase()}:// are: ${known})`;
  if (given.has("certfile") !== given.has("keyfile")) return "certfile and keyfile together";
  const odd = allowed.find((name) => given.getAll(name).length > 1 || given.get(name) === "");
  return odd === undefined ? undefined : `one value of the parameter ${odd}`;
}

function tlsFiles(parameters: URLSearchParams): TlsFiles | undefined {
  const given = TLS_PARAMETERS.filter((name) => parameters.has(name));
  return given.length === 0 ? undefined : Object.fromEntries(given.map((name) => [name, parameters.get(name)]));
}

const SENTINEL_URL =
  /^redis(s?)\+sentinel:\/\/(?:([^@/?#:]*)(?::([^@/?#]*))?@)?([^@/?#]+)\/([\w.-]+)(?:\/(\d{1,5}))?(?:\?([^#@]*))?$/i;

/**
 * Reads `redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/MASTER_NAME[/DATABASE][?sentinel_user=…&sentinel_password=…]`,
 * or `rediss+sentinel://`, with the parameters of `rediss://` too, for TLS to the master and the Sentinels. User and password are the master's; those of the Sentinels stand
 * apart, as in Redis itself. Undefined for anything else. URLs of several hosts are none to the URL standard, so it is read by hand.
 */
export function parseSentinelAddr(text: string): SentinelAddr | undefined {
  const match = SENTINEL_URL.exec(text);
  if (!match) return undefined;
  const [, tls, user, password, hosts = "", masterName = "", database = "0", query = ""] = match;
  const sentinels = hosts.split(",").map((host) => parseServer(host, DEFAULT_SENTINEL_PORT));
  const parameters = new URLSearchParams(query);
  if (
    !sentinels.every((addr) => addr !== undefined) ||
    parametersIssue(text) !== undefined ||
    !isPercentEncoded(user) ||
    !isPercentEncoded(password)
  )
    return undefined;
  return {
    sentinels,
    masterName,
    database: Number(database),
    user: decoded(user),
    password: decoded(password),
    sentinelUser: parameters.get("sentinel_user") ?? undefined,
    sentinelPassword: parameters.get("sentinel_password") ?? undefined,
    isTls: tls !== "",
    tls: tlsFiles(parameters),
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
