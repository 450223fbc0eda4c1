/** Allowances, as limit.lua keeps them: what its arguments and its answer mean. */
import type { RatePolicy } from "../core/rate-policy.ts";

/** What a request takes from one allowance. */
export interface Taking {
  /** Unique within the installation. */
  readonly name: string;
  readonly policy: RatePolicy;
  /** So much is taken (less than 0: given back), */
  readonly cost: number;
  /** where so much is left. 0: whether or not it suffices, for what was used already. */
  readonly needed: number;
}

export interface TokenBucket {
  readonly suffices: boolean;
  readonly left: number;
  /** Until it is whole again. */
  readonly wholeInMs: number;
  /** Until what is needed would be left. */
  readonly fitsInMs: number;
}

export function encodeTakings(requests: readonly (readonly Taking[])[]): string[] {
  return requests.flatMap((takings) => [
    String(takings.length),
    ...takings.flatMap(({ name, policy, cost, needed }) => [
      name,
      String(policy.quota),
      String(policy.windowMs),
      String(cost),
      String(needed),
    ]),
  ]);
}

/** @returns for each request its allowances, in order */
export function decodeTokenBuckets(
  reply: readonly number[],
  requests: readonly (readonly Taking[])[],
): TokenBucket[][] {
  let at = 0;
  return requests.map((takings) =>
    takings.map(() => {
      const [suffices, left = 0, wholeInMs = 0, fitsInMs = 0] = reply.slice(at, (at += 4));
      return { suffices: suffices === 1, left, wholeInMs, fitsInMs };
    }),
  );
}
