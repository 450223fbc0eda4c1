/**
 * The wait that a `Retry-After` header asks for (RFC 9110, 10.2.3: seconds, or an HTTP date), in milliseconds from
 * `nowMs`; held between 1 s and 24 h; undefined for what is neither.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d+$/.test(text)) return held(Number(text) * 1_000);
  // Date.parse reads far more than HTTP dates ("-5", "1.5"): all of their three forms begin with a day's name, and one leaves out that it is GMT
  const at = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text.endsWith("GMT") ? text : `${text} GMT`) : Number.NaN;
  return Number.isNaN(at) ? undefined : held(at - nowMs);
}

/** What another party may ask for: at once would be no wait, and after a day nobody knows what is true. */
function held(ms: number): number {
  return Math.min(Math.max(ms, 1_000), 24 * 3_600_000);
}
