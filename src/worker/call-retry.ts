import { delayAfter, exponential } from "../core/backoff.ts";

/**
 * Redis is called again within a second of its return; the jitter of the backoff keeps replicas from calling all at
 * once.
 */
const CALL_RETRY = exponential(100, 1_000);

/**
 * How long to wait before a call to Redis is repeated, in milliseconds. @param failures how many calls in a row have
 * failed
 */
export function callRetryMs(failures: number): number {
  return delayAfter(failures, CALL_RETRY, Math.random());
}
