/** The client of ioredis that all connections to Redis are made with. */
import { Redis } from "ioredis";
import { addressOf, parseRedisTarget, parseSentinelAddr } from "../config/redis-addr.ts";
import { StartError, UsageError } from "../errors.ts";
import type { Login } from "./handshake.ts";
import { shakeHands } from "./handshake.ts";
import type { ClientOptions } from "./sentinel.ts";
import { sentinelOptions } from "./sentinel.ts";
import type { ServerInfo } from "./server-info.ts";
import { tlsOptions } from "./tls-files.ts";

/**
 * ioredis derives a class from String, and V8 keeps String.prototype as a dictionary from then on, in which each method
 * of each string in the process is looked up anew (`charCodeAt`: at six times its cost). Enumerating a String object
 * makes it fast again.
 */
function makeStringMethodsFast(): void {
  const names: string[] = [];
  for (const name in Object("") as object) names.push(name);
}
makeStringMethodsFast();

/** Answers of a server that is no master, or no more. */
const NOT_MASTER = /^(READONLY|MASTERDOWN)\b/;

/**
 * Longer than any call waits: a connection on which nothing comes for so long has a dead machine at its other end, or a
 * frozen one.
 */
const SILENT_MS = 6_000;
/** A server that is away is given up so soon, and a dead machine noticed. Sentinels have their own, shorter limit. */
const CONNECT_TIMEOUT_MS = 5_000;
const KEEPALIVE_MS = 10_000;
/** One that refuses writes is left for the master that there may be by now, but not more often than this. */
const REASK_PERIOD_MS = 1_000;

/**
 * The one way to a connection to Redis: a client with the rules above. One whose server has become a replica (READONLY)
 * connects anew, and so finds the new master where Sentinels or a name lead to it; the refused command is not sent
 * again.
 * @param name `CLIENT LIST` shows it as `taskflow-<name>`
 * @param url `redis://` or `rediss://`, with user, password and database as needed, or one of Sentinels (redis-addr.ts)
 */
export function openRedis(url: string, name = "tool"): Redis {
  let askedAt = Number.NEGATIVE_INFINITY;
  const rules: ClientOptions = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0, // a command in flight when the connection dies is rejected, not sent again
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 5), 1_000) * (0.5 + Math.random() / 2),
    autoResubscribe: false, // it would not catch what goes wrong then
    socketTimeout: SILENT_MS,
    keepAlive: KEEPALIVE_MS,
    lazyConnect: true,
    protocol: 2, // with 3, ioredis would log in by itself
    disableClientInfo: true,
    reconnectOnError: (error) => {
      const now = performance.now();
      if (!NOT_MASTER.test(error.message) || now - askedAt < REASK_PERIOD_MS) return false;
      askedAt = now;
      return true;
    },
  };
  const { options, login, place } = targetOf(url);
  const redis = new Redis({ ...options, ...rules });
  const withChecks = redis as unknown as WithReadyCheck;
  withChecks._readyCheck = (done) => {
    shakeHands(redis, { ...login, name: `taskflow-${name}` }, place(redis)).then(
      (info) => done(null, info),
      (error: unknown) => {
        // Where the connection is lost already, ioredis takes no notice of what the server said last.
        if (redis.status !== "connect" && redis.listenerCount("error") > 0) redis.emit("error", reasonOf(error));
        else done(error as Error);
      },
    );
  };
  keepErrorsHandled(redis);
  redis.connect().catch(() => undefined); // reported as "error", and tried again
  return redis;
}

function reasonOf(error: unknown): Error {
  return error instanceof StartError
    ? error
    : new Error("it closed the connection before it answered", { cause: error });
}

/** A connection by TLS may fail twice, and ioredis listens once: the second error would end the process. */
function keepErrorsHandled(redis: Redis): void {
  const { connector } = redis as unknown as {
    readonly connector: { connect: (emit: unknown) => Promise<NodeJS.EventEmitter> };
  };
  const connect = connector.connect.bind(connector);
  connector.connect = async (emit) => (await connect(emit)).on("error", () => undefined);
}

/**
 * The client's check of the server, which ends its handshake: nothing else is sent before it calls back, and it
 * connects anew after an error.
 */
interface WithReadyCheck {
  _readyCheck: (done: (error: Error | null, info?: ServerInfo) => void) => void;
}

interface Target {
  readonly options: ClientOptions;
  readonly login: Omit<Login, "name">;
  /** The server, for messages: of Sentinels, the master that they named. */
  readonly place: (redis: Redis) => string;
}

function targetOf(url: string): Target {
  const sentinel = parseSentinelAddr(url);
  if (sentinel)
    return {
      options: sentinelOptions(sentinel),
      login: sentinel,
      place: ({ stream }) => `${stream.remoteAddress ?? ""}:${stream.remotePort ?? ""}`,
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
    place: () => addressOf(path === undefined ? { host, port } : { host: path, port: 0 }),
  };
}
