/** Dates as a spreadsheet counts them: in days since 1899-12-30, the time of the day behind the point. */
import { wallClockMs } from "./date-pattern.ts";
import { MICROS_PER_DAY, parseDate, parseRfc3339, parseTimestamp, type WallClock } from "./sql-time.ts";

const SERIAL_OF_1970 = 25_569;
/**
 * 1900-03-01, before which a spreadsheet counts a day too many (1900 was no leap year), and the day after its last one,
 * 9999-12-31.
 */
const [FIRST_SERIAL, END_SERIAL] = [61, 2_958_466];

/** What a cell has of a date. */
export interface Serial {
  readonly serial: string;
  readonly hasFraction: boolean;
}

/**
 * Of a text that Postgres prints; undefined where a spreadsheet has no such date. A time with a zone is as its clocks
 * show it.
 */
export function serialOf(text: string, kind: "date" | "timestamp" | "timestamptz"): Serial | undefined {
  if (kind !== "date") return serialOfClock(parseTimestamp(text));
  const days = parseDate(text);
  return serialOfClock(days === undefined ? undefined : { days, micros: 0 });
}

/** Of a text of a payload that is an instant or a day; undefined for any other text. */
export function serialOfRfc3339(text: string, timeZone: string): Serial | undefined {
  const time = parseRfc3339(text);
  if (time?.offsetSeconds === undefined) return serialOfClock(time);
  const { days, micros, offsetSeconds } = time;
  const epochMs = days * 86_400_000 + Math.floor(micros / 1_000) - offsetSeconds * 1_000;
  const wallMs = wallClockMs(epochMs, timeZone);
  const wallDays = Math.floor(wallMs / 86_400_000);
  return serialOfClock({ days: wallDays, micros: (wallMs - wallDays * 86_400_000) * 1_000 + (micros % 1_000) });
}

/**
 * A double has microseconds until 2079 and milliseconds until 9999. A time with more digits than it holds has no
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
  // some readers cut what is behind the milliseconds off, so the double is not the one below them
  if (unit === 1_000 && unitsOf(serial) < micros / unit) serial += 2 ** (Math.floor(Math.log2(serial)) - 52);
  if (Math.round(unitsOf(serial)) !== micros / unit) return undefined;
  return { serial: String(serial), hasFraction: micros % 1_000_000 !== 0 };
}
