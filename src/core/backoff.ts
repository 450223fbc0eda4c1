/** How long a failed job waits before its next attempt. */
export interface Backoff {
  readonly kind: "exponential" | "fixed";
  readonly base_ms: number;
  readonly max_ms: number;
}

/** A delay that doubles with each attempt, from `baseMs` up to `maxMs`. */
export function exponential(baseMs: number, maxMs: number): Backoff {
  return { kind: "exponential", base_ms: baseMs, max_ms: maxMs };
}

/** The same delay after each attempt. */
export function fixed(delayMs: number): Backoff {
  return { kind: "fixed", base_ms: delayMs, max_ms: delayMs };
}

/**
 * The delay in milliseconds after attempt number `attempt` (1 is the first) has failed.
 * Exponential delays have full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015), so that jobs
 * that failed together do not come back together: uniform in [0, min(max, base · 2^(attempt − 1))], but never under a
 * tenth of that bound, because an immediate repeat of what has just failed helps nobody.
 * @param random a number in [0, 1)
 */
export function delayAfter(attempt: number, backoff: Backoff, random: number): number {
  if (backoff.kind === "fixed") return Math.min(backoff.base_ms, backoff.max_ms);
  const bound = Math.min(backoff.max_ms, backoff.base_ms * 2 ** Math.min(attempt - 1, 40));
  return Math.round(bound * (0.1 + 0.9 * random));
}
