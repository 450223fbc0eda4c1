import type { ServerAddr } from "./server-addr.ts";
import { parseServerAddr } from "./server-addr.ts";

/** A Redis server, or the Sentinels that know its address. */
export interface RedisAddr {
  /** The host of the server or of the first Sentinel; the path of a Unix socket if the port is 0. */
  readonly host: string;
  readonly port: number;
  /**
   * The whole address with user, password, database and TLS, for the queue's client: a secret that must not be printed.
   */
  readonly url: string;
}

/**
 * A Redis whose master address the client requests from Sentinels
 * (https://redis.io/docs/latest/develop/reference/sentinel-clients/).
 */
export interface SentinelAddr {
  readonly sentinels: readonly ServerAddr[];
  readonly masterName: string;
  readonly database: number;
  /** The credentials of the master. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** The credentials of the Sentinels, if they require any. */
  readonly sentinelUser: string | undefined;
  readonly sentinelPassword: string | undefined;
  /** For the master and the Sentinels. */
  readonly isTls: boolean;
  readonly tls: TlsFiles | undefined;
}

/** Options of a TLS connection that differ from the defaults of Node.js. */
export interface TlsFiles {
  /** A PEM file with the certificates of trusted authorities, which replace those of Node.js. */
  readonly cafile?: string;
  /** The client's own certificate and its key: PEM files. */
  readonly certfile?: string;
  readonly keyfile?: string;
  /** The name that the server's certificate must have instead of the address. */
  readonly servername?: string;
}

/** One server and the parts of its URL. */
export interface RedisTarget {
  /** The path of a Unix socket; undefined if host and port are given. */
  readonly path: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly isTls: boolean;
  readonly tls: TlsFiles | undefined;
}

/** Formats an address for messages, without its password. */
export function addressOf({ host, port }: Pick<RedisAddr, "host" | "port">): string {
  return port === 0 ? host : `${host}:${port}`;
}

const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;

/**
 * Reads `host`, `host:port`, a `redis://` or `rediss://` (TLS) URL with user, password and database
 * (https://www.iana.org/assignments/uri-schemes/prov/redis), `unix:///path?db=N`, or a URL for Sentinels ({@link
 * parseSentinelAddr}); undefined for anything else.
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

/** Parses the URL of one server; undefined for anything else. */
export function parseRedisTarget(text: string): RedisTarget | undefined {
  // the URL standard allows user information only before a host
  const readable = text.replace(/^(unix:\/\/[^/?#]*@)\//i, "$1socket/");
  if (!SERVER_URL.test(text) || !URL.canParse(readable) || text.split("@").length > 2) return undefined;
  const url = new URL(readable);
  const isUnix = url.protocol === "unix:";
  const hasAddress = isUnix
    ? url.host === (readable === text ? "" : "socket") && url.pathname.length > 1
    : url.hostname !== "" && /^(?:\/\d{0,5})?$/.test(url.pathname);
  const parts = [url.username, url.password, url.pathname];
  if (!hasAddress || url.hash !== "" || parametersIssue(text) !== undefined || !parts.every(isPercentEncoded))
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
/** The parameters of each scheme, after the `?`. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  redis: [],
  rediss: TLS_PARAMETERS,
  unix: ["db"],
  "redis+sentinel": SENTINEL_PARAMETERS,
  "rediss+sentinel": [...SENTINEL_PARAMETERS, ...TLS_PARAMETERS],
};

const PARAMETER_NAME = /^[a-z][\w.]{0,30}$/i;

/**
 * Describes more precisely what is wrong with an address that cannot be parsed; undefined without such a description.
 */
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
  const wrong = allowed.find((name) => given.getAll(name).length > 1 || given.get(name) === "");
  return wrong === undefined ? undefined : `one value of the parameter ${wrong}`;
}

function tlsFiles(parameters: URLSearchParams): TlsFiles | undefined {
  const given = TLS_PARAMETERS.filter((name) => parameters.has(name));
  return given.length === 0 ? undefined : Object.fromEntries(given.map((name) => [name, parameters.get(name)]));
}

const SENTINEL_URL =
  /^redis(s?)\+sentinel:\/\/(?:([^@/?#:]*)(?::([^@/?#]*))?@)?([^@/?#]+)\/([\w.-]+)(?:\/(\d{1,5}))?(?:\?([^#@]*))?$/i;

/**
 * Reads `redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/MASTER_NAME[/DATABASE]` with the parameters
 * `sentinel_user` and `sentinel_password`, or `rediss+sentinel://` with those of `rediss://` too, for TLS to the master
 * and the Sentinels. User and password are the master's; the Sentinels have their own, as in Redis itself. Undefined
 * for anything else. The URL standard does not allow several hosts, so this function uses a regular expression.
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
    return false; // a bare %, or bytes that are not UTF-8
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
