/** Dates as spreadsheets store them: days since 1899-12-30, with the time of day as the fraction. */

import { DAY_MS } from "../../core/time.ts";
import { wallClockMs } from "./date-pattern.ts";
import { MICROS_PER_DAY, parseDate, parseRfc3339, parseTimestamp, type WallClock } from "./sql-time.ts";

const SERIAL_OF_1970 = 25_569;
/**
 * The first serial is 1900-03-01: before it, spreadsheets count one day too many, because they treat 1900 as a leap
 * year. The end is the day after the last date, 9999-12-31.
 */
const [FIRST_SERIAL, END_SERIAL] = [61, 2_958_466];

/** The number that a cell stores for a date. */
export interface Serial {
  readonly serial: string;
  readonly hasFraction: boolean;
}

/**
 * The serial of a text that Postgres printed; undefined if spreadsheets have no such date. A time with a zone is shown
 * as its local clock time.
 */
export function serialOf(text: string, kind: "date" | "timestamp" | "timestamptz"): Serial | undefined {
  if (kind !== "date") return serialOfClock(parseTimestamp(text));
  const days = parseDate(text);
  return serialOfClock(days === undefined ? undefined : { days, micros: 0 });
}

/** The serial of a payload's text that is an instant or a day; undefined for any other text. */
export function serialOfRfc3339(text: string, timeZone: string): Serial | undefined {
  const time = parseRfc3339(text);
  if (time?.offsetSeconds === undefined) return serialOfClock(time);
  const { days, micros, offsetSeconds } = time;
  const epochMs = days * DAY_MS + Math.floor(micros / 1_000) - offsetSeconds * 1_000;
  const wallMs = wallClockMs(epochMs, timeZone);
  const wallDays = Math.floor(wallMs / DAY_MS);
  return serialOfClock({ days: wallDays, micros: (wallMs - wallDays * DAY_MS) * 1_000 + (micros % 1_000) });
}

/**
 * A double can represent microseconds until 2079 and milliseconds until 9999. A time with more digits than that has no
 * serial, and neither has 24:00:00, which would be the next day.
 */
function serialOfClock(clock: WallClock | undefined): Serial | undefined {
  if (clock === undefined) return undefined;
  const { days, micros } = clock;
  const day = days + SERIAL_OF_1970;
  if (day < FIRST_SERIAL || day >= END_SERIAL || micros >= MICROS_PER_DAY) return undefined;
  const unit = micros % 1_000 === 0 ? 1_000 : 1;
  const unitsOf = (value: number): number => (value - day) * (MICROS_PER_DAY / unit);
  let serial = day + micros / MICROS_PER_DAY;
  // some readers truncate after the milliseconds, so the double must not be below the exact value
  if (unit === 1_000 && unitsOf(serial) < micros / unit) serial += 2 ** (Math.floor(Math.log2(serial)) - 52);
  if (Math.round(unitsOf(serial)) !== micros / unit) return undefined;
  return { serial: String(serial), hasFraction: micros % 1_000_000 !== 0 };
}
