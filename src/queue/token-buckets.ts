/** Token buckets, from which limit.lua takes. */
import type { RatePolicy } from "../core/rate-policy.ts";
import type { Connection } from "./connection.ts";
import { CALL_TIMEOUT_MS } from "./queue-options.ts";
import { scripts } from "./scripts.ts";

/** Takes tokens from one bucket. */
export interface TokenRequest {
  /** Of the bucket; unique within the installation. */
  readonly name: string;
  readonly policy: RatePolicy;
  /** Tokens to take; negative to give back. */
  readonly cost: number;
  /** Take them only if at least this many are left; 0 takes them unconditionally (the work is already done). */
  readonly needed: number;
}

export interface TokenBucket {
  readonly suffices: boolean;
  readonly left: number;
  /** Until it is full again. */
  readonly wholeInMs: number;
  /** Until the needed tokens are left. */
  readonly fitsInMs: number;
}

/** Numbers of the reply for each bucket. */
const REPLY_LENGTH = 4;

/** Takes from token buckets; the answers are in the order of the requests. */
export async function takeTokens(
  connection: Pick<Connection, "run">,
  ns: string,
  requests: readonly (readonly TokenRequest[])[],
): Promise<TokenBucket[][]> {
  const reply = await connection.run(scripts.limit, [ns, ...encodeTokenRequests(requests)], CALL_TIMEOUT_MS);
  return decodeTokenBuckets(reply as number[], requests);
}

function encodeTokenRequests(requests: readonly (readonly TokenRequest[])[]): string[] {
  return requests.flatMap((buckets) => [
    String(buckets.length),
    ...buckets.flatMap(({ name, policy, cost, needed }) => [
      name,
      String(policy.quota),
      String(policy.windowMs),
      String(cost),
      String(needed),
    ]),
  ]);
}

/** @returns for each request its buckets, in order */
function decodeTokenBuckets(reply: readonly number[], requests: readonly (readonly TokenRequest[])[]): TokenBucket[][] {
  let first = 0;
  return requests.map((buckets) =>
    buckets.map(() => {
      const [suffices, left, wholeInMs, fitsInMs] = reply.slice(first, first + REPLY_LENGTH) as [
        number,
        number,
        number,
        number,
      ];
      first += REPLY_LENGTH;
      return { suffices: suffices === 1, left, wholeInMs, fitsInMs };
    }),
  );
}
