/**
 * The wait that a `Retry-After` header asks for (RFC 9110, 10.2.3: seconds, or an HTTP date), in milliseconds from
 * `nowMs`; clamped to 1 s to 24 h; undefined for any other value.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d+$/.test(text)) return clamp(Number(text) * 1_000);
  // Date.parse reads far more than HTTP dates ("-5", "1.5"): all of their three forms begin with a day's name, and one
  // leaves out that it is GMT
  const at = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text.endsWith("GMT") ? text : `${text} GMT`) : Number.NaN;
  return Number.isNaN(at) ? undefined : clamp(at - nowMs);
}

/** Zero would be no wait, and a wait of more than a day is most likely a mistake. */
function clamp(ms: number): number {
  return Math.min(Math.max(ms, 1_000), 24 * 3_600_000);
}
