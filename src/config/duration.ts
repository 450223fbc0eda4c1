/**
 * Durations as people write them: `500ms`, `15s`, `1h30m`, `30d`. A setting accepts one instead of a number in the
 * setting's unit.
 */
import { DAY_MS } from "../core/time.ts";
import type { SettingSchema } from "./setting-value.ts";

/** The unit of a setting's bare number. */
export type Unit = "milliseconds" | "seconds" | "days";

const MS_PER_UNIT: Readonly<Record<Unit, number>> = { milliseconds: 1, seconds: 1_000, days: DAY_MS };

/** The longest first. */
export const DURATION_SUFFIXES = [
  ["d", DAY_MS],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
] as const;
const DURATION = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/;

/** @returns the milliseconds of `90s`, `1h30m`, `7d` or `250ms`; undefined for other text */
export function parseDuration(text: string): number | undefined {
  const amounts = text === "" ? undefined : DURATION.exec(text)?.slice(1);
  return amounts && DURATION_SUFFIXES.reduce((total, [, ms], i) => total + Number(amounts[i] ?? 0) * ms, 0);
}

/**
 * The unit of a number: the schema's `unit`, else the unit at the end of the setting's name; undefined for other
 * settings.
 */
export function unitOf(name: string, { type, unit }: SettingSchema): Unit | undefined {
  if (type !== "integer" && type !== "number") return undefined;
  if (unit !== undefined) return unit;
  if (name.endsWith("_MS")) return "milliseconds";
  if (name.endsWith("_SECONDS")) return "seconds";
  return name.endsWith("_DAYS") ? "days" : undefined;
}

/** Converts a duration to a number of `unit`, which may be a fraction; undefined for other text. */
export function parseDurationAs(unit: Unit, text: string): number | undefined {
  const ms = parseDuration(text);
  return ms === undefined ? undefined : ms / MS_PER_UNIT[unit];
}

/** Formats a number of `unit` with the longest unit that represents it exactly: 90,000 milliseconds are `90s`. */
export function shortDuration(amount: number, unit: Unit): string {
  const ms = amount * MS_PER_UNIT[unit];
  const [suffix, size] = DURATION_SUFFIXES.find(([, each]) => ms % each === 0 && ms !== 0) ?? ["ms", 1];
  return `${ms / size}${suffix}`;
}
