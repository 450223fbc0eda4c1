import type { TaskFlowError } from "./taskflow-error.ts";

const BASE_MS = 250;
const MAX_MS = 10_000;
/** Longer waits, such as for the quota of the next day, are left to the caller. */
const MAX_RETRY_AFTER_MS = 60_000;

/** No answer, too many requests, and a proxy that cannot reach the server. */
const TEMPORARY = [0, 429, 502, 503, 504];

/**
 * How long to wait before a call is repeated, in milliseconds; undefined where it must not be repeated.
 * @param attempt from 0
 * @param call `isRepeatable`: whether it may safely take effect twice. If not, it is repeated only after a rejection by
 *   the server itself, which states that nothing was changed.
 * @param random from 0 up to 1: spreads clients that failed at the same time
 */
export function retryDelayMs(
  { status, code, retryAfterMs = 0 }: TaskFlowError,
  attempt: number,
  call: { readonly isRepeatable: boolean },
  random: number,
): number | undefined {
  const isRejection = (status === 429 || status === 503) && code !== "outcome_unknown" && code !== `http_${status}`;
  if (!(call.isRepeatable ? TEMPORARY.includes(status) : isRejection) || retryAfterMs > MAX_RETRY_AFTER_MS)
    return undefined;
  return retryAfterMs + Math.min(MAX_MS, BASE_MS * 2 ** attempt) * (0.5 + random / 2);
}
