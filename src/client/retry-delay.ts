import type { TaskFlowError } from "./taskflow-error.ts";

const BASE_MS = 250;
const MAX_MS = 10_000;
/** Who is told to come back later than this is told so: a quota of the day, say. */
const MAX_RETRY_AFTER_MS = 60_000;

/** No answer, too many requests, and what a proxy says when it has nobody to ask. */
const PASSING = [0, 429, 502, 503, 504];

/**
 * How long to wait before a call is repeated, in milliseconds; undefined where it is not to be.
 * @param attempt from 0
 * @param isRepeatable whether it does no harm that the call took effect already. One of which that is not so is repeated only
 *   after a refusal of the server itself, which says that nothing was changed.
 * @param random from 0 up to 1: clients that failed together do not come back together
 */
export function retryDelayMs(
  { status, code, retryAfterMs = 0 }: TaskFlowError,
  attempt: number,
  isRepeatable: boolean,
  random: number,
): number | undefined {
  const isRefusal = (status === 429 || status === 503) && code !== "outcome_unknown" && code !== `http_${status}`;
  if (!(isRepeatable ? PASSING.includes(status) : isRefusal) || retryAfterMs > MAX_RETRY_AFTER_MS) return undefined;
  return retryAfterMs + Math.min(MAX_MS, BASE_MS * 2 ** attempt) * (0.5 + random / 2);
}
