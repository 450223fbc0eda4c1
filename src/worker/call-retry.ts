import { delayAfter, exponential } from "../core/backoff.ts";

/**
 * Replicas call Redis again within a second of its return; the jitter of the backoff spreads their calls.
 */
const CALL_RETRY = exponential(100, 1_000);

/**
 * How long to wait before the next call to Redis, in milliseconds. @param failures the number of consecutive failed
 * calls
 */
export function callRetryMs(failures: number): number {
  return delayAfter(failures, CALL_RETRY, Math.random());
}
