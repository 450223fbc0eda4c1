/**
 * Finds a master through Sentinels (https://redis.io/docs/latest/develop/reference/sentinel-clients/): the client asks
 * them for its address before each connection, and uses only a server whose own role is master.
 */
import type { RedisOptions } from "ioredis";
import type { SentinelAddr } from "../config/redis-addr.ts";
import { tlsOptions } from "./tls-files.ts";

/** If a Sentinel or master does not answer within this, its machine is gone, and the client asks the next Sentinel. */
const ANSWER_WITHIN_MS = 2_000;
const LONGEST_PAUSE_MS = 1_000;

/** The client's options without `replyMapping`, on which the client's type depends. */
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
    // no Sentinel answered: ask until one does
    sentinelRetryStrategy: (rounds) => Math.min(100 * rounds, LONGEST_PAUSE_MS),
    // With a user name, ioredis does not write to stderr if a Sentinel needs no password.
    ...(sentinelPassword !== undefined && { sentinelUsername: sentinelUser ?? "default", sentinelPassword }),
    ...(tls && { tls, sentinelTLS: tls, enableTLSForSentinelMode: true }),
  };
}
