/** Creates the ioredis client of every connection to Redis. */
import { Redis } from "ioredis";
import { addressOf, parseRedisTarget, parseSentinelAddr } from "../config/redis-addr.ts";
import { StartError, UsageError } from "../errors.ts";
import type { Login } from "./handshake.ts";
import { performHandshake } from "./handshake.ts";
import type { ClientOptions } from "./sentinel.ts";
import { sentinelOptions } from "./sentinel.ts";
import type { ServerInfo } from "./server-info.ts";
import { closeWhenSilent } from "./silent-server.ts";
import { tlsOptions } from "./tls-files.ts";

/**
 * ioredis derives a class from String. V8 then keeps String.prototype as a dictionary, and every string method in the
 * process becomes slower (`charCodeAt`: six times). Enumerating a String object makes String.prototype fast again.
 */
function makeStringMethodsFast(): void {
  const names: string[] = [];
  for (const name in Object("") as object) names.push(name);
}
makeStringMethodsFast();

/** Error replies of a server that is not, or no longer, a master. */
const NOT_MASTER = /^(READONLY|MASTERDOWN)\b/;

/**
 * Longer than any call waits: if nothing arrives on a connection for this long, the server's machine is dead or
 * frozen.
 */
const SILENT_MS = 6_000;
/** The limit of one connection attempt. Sentinels have a shorter one (sentinel.ts). */
const CONNECT_TIMEOUT_MS = 5_000;
const KEEPALIVE_MS = 10_000;
/** After a rejected write the client reconnects to look for a new master, but not more often than this. */
const MASTER_SEARCH_PERIOD_MS = 1_000;

/**
 * Opens a connection to Redis; nothing else in TaskFlow creates one. If its server has become a replica (READONLY), the
 * client reconnects and finds the new master through the Sentinels or the host name. It does not send the rejected
 * command again.
 * @param name `CLIENT LIST` shows it as `taskflow-<name>`
 * @param url `redis://`, `rediss://`, `unix://` or the URL of Sentinels (redis-addr.ts)
 */
export function openRedis(url: string, name = "tool"): Redis {
  let searchedAt = Number.NEGATIVE_INFINITY;
  const rules: ClientOptions = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0, // a command in flight when the connection dies is rejected, not sent again
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 5), 1_000) * (0.5 + Math.random() / 2),
    autoResubscribe: false, // ioredis would not catch an error of the new subscription
    keepAlive: KEEPALIVE_MS,
    lazyConnect: true,
    protocol: 2, // with 3, ioredis itself logs in, and the handshake must (handshake.ts)
    disableClientInfo: true,
    reconnectOnError: (error) => {
      const now = performance.now();
      if (!NOT_MASTER.test(error.message) || now - searchedAt < MASTER_SEARCH_PERIOD_MS) return false;
      searchedAt = now;
      return true;
    },
  };
  const { options, login, address } = targetOf(url);
  const redis = new Redis({ ...options, ...rules });
  const withChecks = redis as unknown as WithReadyCheck;
  withChecks._readyCheck = (done) => {
    performHandshake(redis, { ...login, name: `taskflow-${name}` }, address(redis)).then(
      (info) => done(null, info),
      (error: unknown) => {
        // If the connection is already lost, ioredis ignores the error passed to `done`, so emit it here.
        if (redis.status !== "connect" && redis.listenerCount("error") > 0) redis.emit("error", reasonOf(error));
        else done(error as Error);
      },
    );
  };
  keepErrorsHandled(redis);
  closeWhenSilent(redis, SILENT_MS);
  redis.connect().catch(() => undefined); // reported as "error", and tried again
  return redis;
}

function reasonOf(error: unknown): Error {
  return error instanceof StartError
    ? error
    : new Error("the server closed the connection before it answered", { cause: error });
}

/** A TLS connection may emit two errors, and ioredis listens for one: the second would end the process. */
function keepErrorsHandled(redis: Redis): void {
  const { connector } = redis as unknown as {
    readonly connector: { connect: (emit: unknown) => Promise<NodeJS.EventEmitter> };
  };
  const connect = connector.connect.bind(connector);
  connector.connect = async (emit) => (await connect(emit)).on("error", () => undefined);
}

/**
 * The private hook of ioredis that ends its handshake: the client sends nothing else before `done`, and reconnects
 * after an error.
 */
interface WithReadyCheck {
  _readyCheck: (done: (error: Error | null, info?: ServerInfo) => void) => void;
}

interface Target {
  readonly options: ClientOptions;
  readonly login: Omit<Login, "name">;
  /** The server's address, for messages: with Sentinels, that of the master. */
  readonly address: (redis: Redis) => string;
}

function targetOf(url: string): Target {
  const sentinel = parseSentinelAddr(url);
  if (sentinel)
    return {
      options: sentinelOptions(sentinel),
      login: sentinel,
      address: ({ stream }) => `${stream.remoteAddress ?? ""}:${stream.remotePort ?? ""}`,
    };
  const target = parseRedisTarget(url);
  if (!target) throw new UsageError("REDIS_ADDR: expected the URL of a Redis.");
  const { path, host, port, isTls, tls } = target;
  const options = {
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(path === undefined ? { host, port } : { path }),
    ...(isTls && { tls: tlsOptions(tls) }),
  };
  return {
    options,
    login: target,
    address: () => addressOf(path === undefined ? { host, port } : { host: path, port: 0 }),
  };
}
