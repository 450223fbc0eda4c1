/**
 * Dates and times as Postgres prints them in DateStyle ISO: `0044-03-15 BC`, `2026-01-31 12:00:00.5+05:30`, `infinity`.
 */

const DATE = /^(\d{4,})-(\d\d)-(\d\d)(?: BC)?$/;
const TIMESTAMP = /^(\d{4,})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-]\d\d(?::\d\d){0,2})?( BC)?$/;
const TIME = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/;
/** An RFC 3339 instant, or a date alone. */
const RFC_3339 = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d(?:\.\d{1,6})?)([Zz]|[+-]\d\d:\d\d))?$/;

export const MICROS_PER_DAY = 86_400_000_000;
const DAYS_PER_ERA = 146_097;
const DAYS_TO_1970 = 719_468;

export interface WallClock {
  /** Days since 1970-01-01. */
  readonly days: number;
  /** Microseconds since midnight. */
  readonly micros: number;
}

export interface Timestamp extends WallClock {
  /** The zone's offset from UTC; 0 for a timestamp without a zone. */
  readonly offsetSeconds: number;
}

/** Days since 1970-01-01; undefined for a text that is not a date, such as `infinity`. */
export function parseDate(text: string): number | undefined {
  const [, years = "", months = "", days = ""] = DATE.exec(text) ?? [];
  return years === ""
    ? undefined
    : daysOf(text.endsWith(" BC") ? 1 - Number(years) : Number(years), Number(months), Number(days));
}

function daysOf(year: number, month: number, day: number): number | undefined {
  return month >= 1 && month <= 12 && day >= 1 && day <= lengthOfMonth(year, month)
    ? daysFromCivil(year, month, day)
    : undefined;
}

/** Microseconds since midnight; undefined for a text that is not a time of day. `24:00:00` is a time of day. */
export function parseTime(text: string): number | undefined {
  const [, hours = "", minutes = "", seconds = "", fraction = ""] = TIME.exec(text) ?? [];
  return hours === "" ? undefined : microsOf(Number(hours), Number(minutes), Number(seconds), fraction);
}

function microsOf(hours: number, minutes: number, seconds: number, fraction: string): number | undefined {
  if (minutes > 59 || seconds > 59) return undefined;
  const micros =
    (hours * 3_600 + minutes * 60 + seconds) * 1e6 +
    (fraction === "" ? 0 : Number(fraction) * 10 ** (6 - fraction.length));
  return micros <= MICROS_PER_DAY ? micros : undefined;
}

/** The local clock time of a timestamp with or without a zone; undefined for the infinities. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = TIMESTAMP.exec(text); // one expression for all parts, because an export parses millions of timestamps
  if (match === null) return undefined;
  const [, year, month, date, hours, minutes, seconds, fraction = "", offset = "", era] = match;
  const days = daysOf(era === undefined ? Number(year) : 1 - Number(year), Number(month), Number(date));
  const micros = microsOf(Number(hours), Number(minutes), Number(seconds), fraction);
  return days === undefined || micros === undefined ? undefined : { days, micros, offsetSeconds: parseOffset(offset) };
}

/** Parses a payload's text that is an instant, or a date alone (offset undefined); undefined for any other text. */
export function parseRfc3339(text: string): (WallClock & { readonly offsetSeconds: number | undefined }) | undefined {
  const [, date = "", time, offset = ""] = RFC_3339.exec(text) ?? [];
  const days = parseDate(date);
  if (days === undefined) return undefined;
  if (time === undefined) return { days, micros: 0, offsetSeconds: undefined };
  const micros = parseTime(time);
  return micros === undefined || micros === MICROS_PER_DAY
    ? undefined
    : { days, micros, offsetSeconds: parseOffset(offset) };
}

/** Microseconds since 1970-01-01T00:00:00 UTC. They may exceed the integers that a double represents exactly. */
export function epochMicros({ days, micros, offsetSeconds }: Timestamp): bigint {
  const ofDay = micros - offsetSeconds * 1_000_000;
  const sum = days * MICROS_PER_DAY + ofDay;
  return Number.isSafeInteger(sum) ? BigInt(sum) : BigInt(days) * BigInt(MICROS_PER_DAY) + BigInt(ofDay);
}

/** Parses `+02`, `-05:30` or `+00:19:32`; `Z` is 0. */
function parseOffset(text: string): number {
  if (text === "") return 0;
  const [hours = 0, minutes = 0, seconds = 0] = text.slice(1).split(":").map(Number);
  const size = hours * 3_600 + minutes * 60 + seconds;
  return text.startsWith("-") ? -size : size;
}

function lengthOfMonth(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/**
 * The day number in the proleptic Gregorian calendar that Postgres uses. JavaScript's Date does not cover all dates of
 * Postgres. From "chrono-Compatible Low-Level Date Algorithms" by Howard Hinnant.
 */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year; // the year begins in March, so that the leap day is its last day
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return (
    era * DAYS_PER_ERA +
    yearOfEra * 365 +
    Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) +
    dayOfYear -
    DAYS_TO_1970
  );
}
