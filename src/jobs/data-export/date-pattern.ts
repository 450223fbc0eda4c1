/** Translates the date patterns of an export's columns, such as `DD.MM.YYYY HH:mm`, for Postgres and spreadsheets. */
import { zoneOf } from "../../core/schedules/zone.ts";
import { exportError } from "./error-codes.ts";

const TOKENS = /YYYY|MM|DD|HH|mm|ss|SSS|[^A-Za-z]|T/g;

/** The pattern of a payload's schema. */
export const DATE_PATTERN = "^(YYYY|MM|DD|HH|mm|ss|SSS|[ .,:/T-])+$";

const POSTGRES: Readonly<Record<string, string>> = {
  YYYY: "YYYY",
  MM: "MM",
  DD: "DD",
  HH: "HH24",
  mm: "MI",
  ss: "SS",
  SSS: "MS",
  T: '"T"',
};
const SPREADSHEET: Readonly<Record<string, string>> = {
  YYYY: "yyyy",
  MM: "mm",
  DD: "dd",
  HH: "hh",
  mm: "mm",
  ss: "ss",
  SSS: "000",
  T: "\\T",
  " ": "\\ ",
  "-": "\\-",
  "/": "\\/",
  ",": "\\,",
  ".": "\\.",
};

/** The pattern for to_char of Postgres. */
export function postgresPattern(pattern: string): string {
  return translate(pattern, POSTGRES);
}

/** The pattern for the number format of a cell. */
export function spreadsheetPattern(pattern: string): string {
  // milliseconds are a fraction of the seconds
  return translate(pattern, SPREADSHEET).replaceAll(String.raw`ss\.000`, "ss.000");
}

/**
 * Why a spreadsheet would misread the pattern, or undefined: it reads `mm` as minutes after hours or before seconds and
 * otherwise as the month, and `000` as milliseconds only after seconds and a point.
 */
export function issueInSpreadsheet(pattern: string): string | undefined {
  const tokens =
    pattern.match(/[A-Za-z]+|[^A-Za-z]+/g)?.flatMap((part) => part.match(/YYYY|MM|DD|HH|mm|SSS|ss/g) ?? []) ?? [];
  const isMinute = (at: number): boolean => tokens[at - 1] === "HH" || tokens[at + 1] === "ss";
  const misread = tokens.find((token, at) => (token === "mm" && !isMinute(at)) || (token === "MM" && isMinute(at)));
  if (misread !== undefined) return "in xlsx, mm goes after HH or before ss, and MM does not";
  return /SSS/.test(pattern.replaceAll("ss.SSS", "")) ? "in xlsx, SSS goes after `ss.` alone" : undefined;
}

/**
 * Formats an instant as local time of the zone.
 * @throws {PermanentError} `export_value`: the year in the zone does not have four digits, or is before year 1
 */
export function formatInstant(epochMs: number, pattern: string, timeZone: string): string {
  const wall = new Date(wallClockMs(epochMs, timeZone)).toISOString(); // 2026-01-31T12:00:00.000Z
  if (/^[+-]|^0000/.test(wall))
    throw exportError.permanent(
      "export_value",
      `A date pattern cannot represent the year ${/^[+-]?\d+/.exec(wall)?.[0] ?? ""}.`,
    );
  const fields: Record<string, string> = {
    YYYY: wall.slice(0, 4),
    MM: wall.slice(5, 7),
    DD: wall.slice(8, 10),
    HH: wall.slice(11, 13),
    mm: wall.slice(14, 16),
    ss: wall.slice(17, 19),
    SSS: wall.slice(20, 23),
  };
  return translate(pattern, fields);
}

/** The local time of the zone at an instant, as epoch milliseconds as if it were UTC. */
export function wallClockMs(epochMs: number, timeZone: string): number {
  return zoneOf(timeZone).localOf(epochMs);
}

function translate(pattern: string, words: Readonly<Record<string, string>>): string {
  return pattern.replace(TOKENS, (token) => words[token] ?? token);
}
