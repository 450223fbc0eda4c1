/**
 * The handshake of each connection to Redis, at start and at every reconnection: it logs in, selects the database and
 * checks the server. The handshake of ioredis continues after a failed step, so commands could run in the wrong
 * database.
 */

import type { Redis } from "ioredis";
import { ReplyError } from "ioredis";
import type { StartError } from "../errors.ts";
import { messageOf } from "../errors.ts";
import type { ServerInfo } from "./server-info.ts";
import { readInfo, requireFit } from "./server-info.ts";
import { BusyServer, UnfitServer } from "./unfit-server.ts";

export interface Login {
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** The name of the connection in CLIENT LIST. */
  readonly name: string;
}

/** The user may not run the command, or the server does not have it. */
const NOT_AVAILABLE = /^NOPERM\b|unknown (?:sub)?command|unrecognized/i;

type Settled = PromiseSettledResult<unknown> | undefined;

/**
 * Makes a connection ready. It sends all commands in one round trip.
 * @param address the server's address, for messages
 * @returns the fields of INFO; an empty object if the user may not run it
 * @throws StartError, one sentence, if a step fails; the client's error if the connection is lost
 */
export async function performHandshake(
  redis: Redis,
  { user, password, database, name }: Login,
  address: string,
): Promise<ServerInfo> {
  const hasLogin = user !== undefined || password !== undefined;
  const [auth, info, select, client, setName] = await Promise.allSettled([
    hasLogin ? authenticate(redis, user, password ?? "") : undefined,
    redis.info(),
    database === 0 ? undefined : redis.select(database),
    redis.client("INFO"),
    redis.client("SETNAME", name),
  ]);
  failOn(auth, (message) => loginFailure(message, address));
  failOn(info, (message) => (NOT_AVAILABLE.test(message) ? undefined : commonFailure("INFO", message, address)));
  const known = info.status === "fulfilled" ? readInfo(info.value) : {};
  requireFit(known, address);
  failOn(select, (message) => selectFailure(message, database, address, user));
  failOn(client, (message) =>
    NOT_AVAILABLE.test(message) ? undefined : commonFailure("CLIENT INFO", message, address),
  );
  failOn(setName, (message) =>
    NOT_AVAILABLE.test(message) ? undefined : commonFailure("CLIENT SETNAME", message, address),
  );
  // A proxy may answer OK to SELECT and still use another database.
  const actual = client.status === "fulfilled" ? /\bdb=(\d+)/.exec(client.value)?.[1] : undefined;
  if (actual !== undefined && Number(actual) !== database) {
    throw new UnfitServer(
      `Redis at ${address} selected database ${actual} instead of ${database}: name a database in REDIS_ADDR that the server provides.`,
    );
  }
  return known;
}

function authenticate(redis: Redis, user: string | undefined, password: string): Promise<unknown> {
  return user === undefined ? redis.auth(password) : redis.auth(user, password);
}

function failOn(part: Settled, failureOf: (message: string) => StartError | undefined): void {
  if (part?.status !== "rejected") return;
  const error: unknown = part.reason;
  if (!(error instanceof ReplyError)) throw error;
  const failure = failureOf(messageOf(error));
  if (failure) throw failure;
}

function commonFailure(command: string, message: string, address: string): StartError {
  if (/max number of clients/i.test(message)) {
    return new BusyServer(
      `Redis at ${address} accepts no more connections (${message}): raise its maxclients, or close connections of other clients.`,
    );
  }
  if (message.startsWith("DENIED")) {
    return new UnfitServer(
      `Redis at ${address} is in protected mode and accepts only local connections: set a password in Redis (requirepass) and in REDIS_ADDR.`,
    );
  }
  if (message.startsWith("NOAUTH")) {
    return new UnfitServer(
      `Redis at ${address} requires a password, and REDIS_ADDR has none: write redis://USER:PASSWORD@HOST:PORT.`,
    );
  }
  if (/^(?:LOADING|BUSY|MASTERDOWN)\b/.test(message))
    return new BusyServer(`Redis at ${address} is not available now (${message}): wait, and start again.`);
  return new UnfitServer(
    `Redis at ${address} rejected ${command} (${message}): set REDIS_ADDR to a Redis or Valkey that TaskFlow may use.`,
  );
}

function loginFailure(message: string, address: string): StartError {
  if (message.startsWith("WRONGPASS"))
    return new UnfitServer(`Redis at ${address} rejected the user or password in REDIS_ADDR: correct them.`);
  if (/without any password configured|no password is set/.test(message)) {
    return new UnfitServer(
      `Redis at ${address} has no password, and REDIS_ADDR has one: remove it, or set requirepass in Redis.`,
    );
  }
  return commonFailure("AUTH", message, address);
}

function selectFailure(message: string, database: number, address: string, user = "default"): StartError {
  if (/out of range/.test(message)) {
    return new UnfitServer(
      `Redis at ${address} has no database ${database}: name an existing one in REDIS_ADDR (0 to 15 by default, see the Redis setting "databases").`,
    );
  }
  if (/cluster/i.test(message))
    return new UnfitServer(
      `Redis at ${address} is a node of a cluster, which has no database ${database}: name database 0 in REDIS_ADDR.`,
    );
  if (message.startsWith("NOPERM")) {
    return new UnfitServer(
      `Redis at ${address} does not let the user ${user} select database ${database}: run ACL SETUSER ${user} +select, or name database 0 in REDIS_ADDR.`,
    );
  }
  return commonFailure(`SELECT ${database}`, message, address);
}
