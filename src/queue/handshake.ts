/**
 * What each connection to Redis does before anything else is sent on it, at start and at every reconnection: it logs
 * in, chooses its database and looks at the server. The client's own handshake goes on where a part of it failed, so
 * that commands would run in another database.
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
  /** What CLIENT LIST shows the connection as. */
  readonly name: string;
}

/** The user may not do that, or the server has no such command. */
const NOT_GIVEN = /^NOPERM\b|unknown (?:sub)?command|unrecognized/i;

type Settled = PromiseSettledResult<unknown> | undefined;

/**
 * Makes a connection ready. All commands travel together.
 * @param place the server, for messages
 * @returns what INFO says; nothing where the user may not ask
 * @throws StartError in one sentence when a part fails, and the client's own error when the connection is lost
 */
export async function shakeHands(
  redis: Redis,
  { user, password, database, name }: Login,
  place: string,
): Promise<ServerInfo> {
  const hasLogin = user !== undefined || password !== undefined;
  const [auth, info, select, client, setName] = await Promise.allSettled([
    hasLogin ? authenticate(redis, user, password ?? "") : undefined,
    redis.info(),
    database === 0 ? undefined : redis.select(database),
    redis.client("INFO"),
    redis.client("SETNAME", name),
  ]);
  failOn(auth, (message) => loginFailure(message, place));
  failOn(info, (message) => (NOT_GIVEN.test(message) ? undefined : commonFailure("INFO", message, place)));
  const known = info.status === "fulfilled" ? readInfo(info.value) : {};
  requireFit(known, place);
  failOn(select, (message) => selectFailure(message, database, place, user));
  failOn(client, (message) => (NOT_GIVEN.test(message) ? undefined : commonFailure("CLIENT INFO", message, place)));
  failOn(setName, (message) => (NOT_GIVEN.test(message) ? undefined : commonFailure("CLIENT SETNAME", message, place)));
  // A proxy may answer OK to SELECT and go on with another database.
  const actual = client.status === "fulfilled" ? /\bdb=(\d+)/.exec(client.value)?.[1] : undefined;
  if (actual !== undefined && Number(actual) !== database) {
    throw new UnfitServer(
      `Redis at ${place} has put the connection into database ${actual}, and REDIS_ADDR names ${database}: name one that it gives.`,
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

function commonFailure(command: string, message: string, place: string): StartError {
  if (/max number of clients/i.test(message)) {
    return new BusyServer(
      `Redis at ${place} takes no more connections (${message}): raise its maxclients, or close connections of others.`,
    );
  }
  if (message.startsWith("DENIED")) {
    return new UnfitServer(
      `Redis at ${place} is in protected mode and serves its own machine only: give it a password (requirepass), and name that in REDIS_ADDR.`,
    );
  }
  if (message.startsWith("NOAUTH")) {
    return new UnfitServer(
      `Redis at ${place} does not take the user or password of REDIS_ADDR (it asks for one): write redis://USER:PASSWORD@HOST:PORT.`,
    );
  }
  if (/^(?:LOADING|BUSY|MASTERDOWN)\b/.test(message))
    return new BusyServer(`Redis at ${place} cannot be used now (${message}): wait, and start again.`);
  return new UnfitServer(
    `Redis at ${place} refuses ${command} (${message}): REDIS_ADDR must name a Redis or Valkey that TaskFlow may use.`,
  );
}

function loginFailure(message: string, place: string): StartError {
  if (message.startsWith("WRONGPASS"))
    return new UnfitServer(`Redis at ${place} does not take the user or password of REDIS_ADDR.`);
  if (/without any password configured|no password is set/.test(message)) {
    return new UnfitServer(
      `Redis at ${place} asks for no password, and REDIS_ADDR has one: take it out, or set requirepass in Redis.`,
    );
  }
  return commonFailure("AUTH", message, place);
}

function selectFailure(message: string, database: number, place: string, user = "default"): StartError {
  if (/out of range/.test(message)) {
    return new UnfitServer(
      `Redis at ${place} has no database ${database}, which REDIS_ADDR names: name one that it has (0 to 15, unless its setting "databases" says otherwise).`,
    );
  }
  if (/cluster/i.test(message))
    return new UnfitServer(
      `Redis at ${place} is a node of a cluster, which has no database ${database}: name database 0 in REDIS_ADDR.`,
    );
  if (message.startsWith("NOPERM")) {
    return new UnfitServer(
      `Redis at ${place} does not let the user ${user} choose database ${database}: run ACL SETUSER ${user} +select, or name database 0 in REDIS_ADDR.`,
    );
  }
  return commonFailure(`SELECT ${database}`, message, place);
}
