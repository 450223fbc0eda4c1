import { delayAfter, exponential } from "../core/backoff.ts";

/** A Redis that is away answers within seconds of its return, and its replicas do not all call it at once. */
const CALL_RETRY = exponential(100, 1_000);

/** How long to wait before a call to Redis is repeated, in milliseconds. @param failures how many calls in a row have failed */
export function callRetryMs(failures: number): number {
  return delayAfter(failures, CALL_RETRY, Math.random());
}
