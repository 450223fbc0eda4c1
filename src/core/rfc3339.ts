/** Times as the API writes and reads them (RFC 3339). */
import { lastText } from "./last-text.ts";

/** Date.parse takes 24:00 as well. */
const TIME = /^\d{4}-\d\d-(\d\d)T(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;

/**
 * Epoch milliseconds, below 0 before 1970, or undefined for a text that is not a time (such as a day that does not
 * exist).
 */
export function parseTime(text: string): number | undefined {
  const day = TIME.exec(text)?.[1];
  if (day === undefined) return undefined;
  const epochMs = Date.parse(text.toUpperCase());
  // Date.parse takes February 30 for March 2
  const isRealDay = new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() === Number(day);
  return isRealDay && !Number.isNaN(epochMs) ? epochMs : undefined;
}

/**
 * @param epochMs milliseconds since the epoch. Jobs accepted in one millisecond share the text, and making it costs 1
 * µs.
 */
export const formatTime = lastText((epochMs: number) => new Date(epochMs).toISOString());
