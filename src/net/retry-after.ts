/**
 * The wait that a `Retry-After` header asks for (RFC 9110, 10.2.3: seconds, or an HTTP date), in milliseconds from
 * `nowMs`; never negative; undefined for what is neither.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  // Date.parse reads far more than HTTP dates ("-5", "1.5"): all of their three forms begin with a day's name, and one leaves out that it is GMT
  const at = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text.endsWith("GMT") ? text : `${text} GMT`) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
