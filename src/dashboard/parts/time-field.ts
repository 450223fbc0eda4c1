/** Fields for a delay or a time, as texts that a user has typed. */

/** By their names, in milliseconds. */
export const DELAY_UNITS = { seconds: 1_000, minutes: 60_000, hours: 3_600_000, days: 86_400_000 } as const;
export type DelayUnit = keyof typeof DELAY_UNITS;

/** @returns milliseconds; undefined if the amount is no whole number */
export function delayOfField(amount: string, unit: DelayUnit): number | undefined {
  return /^\d{1,9}$/.test(amount) ? Number(amount) * DELAY_UNITS[unit] : undefined;
}

/**
 * The time of a field of type `datetime-local`.
 * @returns RFC 3339; undefined if the text is no time
 */
export function timeOfField(text: string, zone: "local" | "utc"): string | undefined {
  const date = new Date(zone === "utc" ? `${text}Z` : text);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
