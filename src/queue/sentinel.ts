/**
 * A master that Sentinels choose (https://redis.io/docs/latest/develop/reference/sentinel-clients/): the client asks
 * them where it is before each connection, and takes a server only that says itself that it is a master.
 */
import type { RedisOptions } from "ioredis";
import type { SentinelAddr } from "../config/redis-addr.ts";
import { tlsOptions } from "./tls-files.ts";

/** A Sentinel, or a master, whose machine is gone gives no answer at all: the next is asked after this. */
const ANSWER_WITHIN_MS = 2_000;
const LONGEST_PAUSE_MS = 1_000;

/** The client's options; how its replies look is part of its type, and not chosen here. */
export type ClientOptions = Omit<RedisOptions, "replyMapping">;

/** What the client needs to find the master. */
export function sentinelOptions(addr: SentinelAddr): ClientOptions {
  const { sentinels, masterName, isTls, sentinelUser, sentinelPassword } = addr;
  const tls = isTls ? tlsOptions(addr.tls) : undefined;
  return {
    sentinels: sentinels.map(({ host, port }) => ({ host, port })),
    name: masterName,
    connectTimeout: ANSWER_WITHIN_MS,
    sentinelCommandTimeout: ANSWER_WITHIN_MS,
    sentinelRetryStrategy: (rounds) => Math.min(100 * rounds, LONGEST_PAUSE_MS), // when none of them answered, for ever
    // With a user's name, ioredis writes nothing to stderr where a Sentinel asks for no password.
    ...(sentinelPassword !== undefined && { sentinelUsername: sentinelUser ?? "default", sentinelPassword }),
    ...(tls && { tls, sentinelTLS: tls, enableTLSForSentinelMode: true }),
  };
}
