/**
 * A master that Sentinels choose (https://redis.io/docs/latest/develop/reference/sentinel-clients/): the client asks them where it
 * is before each connection, and takes a server only that says itself that it is a master.
 */
import type { RedisOptions } from "ioredis";
import type { SentinelAddr } from "../redis-addr.ts";

/** A Sentinel, or a master, whose machine is gone gives no answer at all: the next is asked after this. */
const ANSWER_WITHIN_MS = 2_000;
const LONGEST_PAUSE_MS = 1_000;

/** The client's options; how its replies look is part of its type, and not chosen here. */
export type ClientOptions = Omit<RedisOptions, "replyMapping">;

/** What the client needs to find the master. */
export function sentinelOptions(addr: SentinelAddr): ClientOptions {
  const { sentinels, masterName, database, isTls, user, password, sentinelUser, sentinelPassword } = addr;
  return {
    sentinels: sentinels.map(({ host, port }) => ({ host, port })),
    name: masterName,
    db: database,
    connectTimeout: ANSWER_WITHIN_MS,
    sentinelCommandTimeout: ANSWER_WITHIN_MS,
    sentinelRetryStrategy: (rounds) => Math.min(100 * rounds, LONGEST_PAUSE_MS), // when none of them answered, for ever
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...(sentinelUser !== undefined && { sentinelUsername: sentinelUser }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(isTls && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
  };
}
