/**
 * Cron expressions. cron-parser reads the items of fields: values, names, ranges and steps. It accepts some texts that
 * mean nothing (`5-10-20`, `1-5L`, `WED` as a month) and does not know `W`, so a pattern checks each item first, and `H`,
 * `L`, `W` and `#` are read here. Its ticks are not used: across a gap it fires `30 2 * * *` at 03:30 instead of 03:00,
 * it leaves out a day on Lord Howe Island, and it takes 900 µs for a tick (cron-ticks.ts: 4 µs).
 */
import type { CronExpressionParser } from "cron-parser";
import type { CronFields, DayRule } from "./calendar.ts";
import { Calendar } from "./calendar.ts";
import { hashOf } from "./tick-hash.ts";

/** Listing all values of all fields takes fewer characters than this. */
export const MAX_CRON_LENGTH = 256;

let parser: typeof CronExpressionParser | undefined;

/** Loads the parser, once. Call it before expressions are parsed or their ticks computed. */
export async function loadCron(): Promise<void> {
  parser ??= (await import("cron-parser")).CronExpressionParser;
}

export type ParsedCron =
  | { readonly fields: CronFields }
  /** What is wrong, as the message of an issue. */
  | { readonly problem: string };

const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

interface Field {
  /** The field's place in an expression of six fields, and the name of its values in the parser. */
  readonly place: number;
  readonly member: "second" | "minute" | "hour" | "dayOfMonth" | "month" | "dayOfWeek";
  readonly title: string;
  readonly min: number;
  readonly max: number;
  /** The last value that `H` stands for: every month has a day 28. */
  readonly lastHashed: number;
  /** One item of the field's list, without the special ones of days. */
  readonly item: RegExp;
}

const MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec";
const WEEKDAYS = "sun|mon|tue|wed|thu|fri|sat";

function itemOf(value: string): RegExp {
  const range = `(?:[*]|(?:${value})(?:-(?:${value}))?)`;
  return new RegExp(`^(?:${range}|h(?:\\(\\d{1,2}-\\d{1,2}\\))?)(?:/\\d{1,2})?$`);
}

const SECOND: Field = {
  place: 0,
  member: "second",
  title: "seconds",
  min: 0,
  max: 59,
  lastHashed: 59,
  item: itemOf("\\d{1,2}"),
};
const MINUTE: Field = { ...SECOND, place: 1, member: "minute", title: "minutes" };
const HOUR: Field = { ...SECOND, place: 2, member: "hour", title: "hours", max: 23, lastHashed: 23 };
const DAY: Field = {
  ...SECOND,
  place: 3,
  member: "dayOfMonth",
  title: "days of the month",
  min: 1,
  max: 31,
  lastHashed: 28,
};
const MONTH: Field = {
  ...DAY,
  place: 4,
  member: "month",
  title: "months",
  max: 12,
  lastHashed: 12,
  item: itemOf(`\\d{1,2}|${MONTHS}`),
};
const WEEKDAY: Field = {
  ...SECOND,
  place: 5,
  member: "dayOfWeek",
  title: "days of the week",
  max: 7,
  lastHashed: 6,
  item: itemOf(`\\d|${WEEKDAYS}`),
};

class CronProblem extends Error {}

/**
 * @param name of the schedule, by which `H` is chosen
 * @throws Error if the parser is not loaded
 */
export function parseCron(expression: string, name: string): ParsedCron {
  try {
    const fields = readFields(expression, name);
    const isFiring = new Calendar(fields).next(Date.UTC(2_000, 0, 1)) !== undefined;
    return isFiring ? { fields } : { problem: "never fires: no month has such a day" };
  } catch (error) {
    if (error instanceof CronProblem) return { problem: error.message };
    throw error;
  }
}

function readFields(expression: string, name: string): CronFields {
  if (expression.length > MAX_CRON_LENGTH) throw new CronProblem(`expected at most ${MAX_CRON_LENGTH} characters`);
  const given = expression.trim().toLowerCase();
  const nickname = given.startsWith("@") ? NICKNAMES[given] : given;
  if (nickname === undefined) throw new CronProblem(`${quoted(given)} is none of ${Object.keys(NICKNAMES).join(", ")}`);
  const texts = nickname.split(/\s+/);
  if (texts.length === 5) texts.unshift("0");
  if (texts.length !== 6)
    throw new CronProblem(
      "expected 5 fields (minute, hour, day of month, month, day of week), or 6 with seconds first",
    );
  const [second = "", minute = "", hour = "", day = "", month = "", weekday = ""] = texts;
  const listOf = (field: Field, text: string): number[] => valuesOf(field, text, name);
  return {
    seconds: listOf(SECOND, second),
    minutes: listOf(MINUTE, minute),
    hours: listOf(HOUR, hour),
    months: bitsOf(listOf(MONTH, month)),
    dayRule: dayRuleOf(day, weekday, name),
    isFixed: !/[*/]/.test(minute + hour),
  };
}

/** The values of a field without the special items of days, ascending. */
function valuesOf(field: Field, text: string, name: string): number[] {
  const values = new Set(text.split(",").flatMap((item) => itemValues(field, item, name)));
  return [...values].sort((a, b) => a - b);
}

/** The values of items that were read before: the parser takes 100 µs for one, and schedules share most of them. */
const known = new Map<string, readonly number[]>();
const MAX_KNOWN = 5_000;

function itemValues(field: Field, item: string, name: string): readonly number[] {
  if (!field.item.test(item)) throw new CronProblem(`${quoted(item)} does not fit the field of ${field.title}`);
  const size = field.member === "dayOfWeek" ? 7 : field.max - field.min + 1;
  const step = Number(item.split("/")[1] ?? "1");
  if (step < 1 || step > size)
    throw new CronProblem(`${quoted(item)}: expected a step from 1 to ${size} in the field of ${field.title}`);
  const plain = item.startsWith("h") ? withoutHash(field, item, step, name) : item;
  const key = `${field.member} ${plain}`;
  let values = known.get(key);
  if (!values) {
    values = parsedValues(field, plain);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(key, values);
  }
  return values;
}

const HASHED = /^h(?:\((\d+)-(\d+)\))?(\/\d+)?$/;

/** An item in which a value replaces `H`: always the same for one schedule and field. */
function withoutHash(field: Field, item: string, step: number, name: string): string {
  const [, low, high, hasStep] = HASHED.exec(item) ?? [];
  const min = within(field, item, Number(low ?? field.min), field.min, field.max);
  const max = within(field, item, Number(high ?? field.lastHashed), min, field.max);
  const size = hasStep === undefined ? max - min + 1 : Math.min(step, max - min + 1);
  const value = min + (hashOf(`${field.member} ${name}`, 0) % size);
  return hasStep === undefined ? String(value) : `${value}-${max}/${step}`;
}

function parsedValues({ place, member, title, min, max }: Field, item: string): readonly number[] {
  if (!parser) throw new Error("loadCron was not called");
  const expression = Array.from({ length: 6 }, (_, at) => (at === place ? item : "*")).join(" ");
  try {
    const { fields } = parser.parse(expression, { currentDate: new Date(0), tz: "UTC" });
    return fields[member].values.map((value) => (member === "dayOfWeek" ? Number(value) % 7 : Number(value)));
  } catch {
    // the parser rejects values outside of the field, and ranges that end before they begin
    throw new CronProblem(`${quoted(item)}: expected ${min} to ${max}, ascending, in the field of ${title}`);
  }
}

const NTH_WEEKDAY = new RegExp(`^(${WEEKDAYS}|[0-7])#([1-5])$`);
const LAST_WEEKDAY = new RegExp(`^(${WEEKDAYS}|[0-7])l$`);

function dayRuleOf(dayText: string, weekdayText: string, name: string): DayRule {
  const [day, weekday] = [dayText === "?" ? "*" : dayText, weekdayText === "?" ? "*" : weekdayText];
  const needsBoth = day.includes("*") || weekday.includes("*");
  const rule = {
    days: 0,
    beforeLast: [] as number[],
    nearest: [] as number[],
    isLastWorkday: false,
    weekdays: 0,
    lastWeekdays: 0,
    nthWeekdays: [] as { weekday: number; nth: number }[],
    needsBoth,
  };
  for (const item of day.split(",")) {
    const last = /^l(?:-(\d{1,2}))?$/.exec(item);
    const nearest = /^(\d{1,2})w$/.exec(item);
    if (last) rule.beforeLast.push(within(DAY, item, Number(last[1] ?? 0), 0, 30));
    else if (nearest) rule.nearest.push(within(DAY, item, Number(nearest[1]), 1, 31));
    else if (item === "lw") rule.isLastWorkday = true;
    else rule.days |= bitsOf(itemValues(DAY, item, name));
  }
  for (const item of weekday.split(",")) {
    const nth = NTH_WEEKDAY.exec(item);
    const last = LAST_WEEKDAY.exec(item);
    if (nth) rule.nthWeekdays.push({ weekday: weekdayOf(nth[1] ?? ""), nth: Number(nth[2]) });
    else if (last) rule.lastWeekdays |= 1 << weekdayOf(last[1] ?? "");
    else rule.weekdays |= bitsOf(itemValues(WEEKDAY, item, name));
  }
  return rule;
}

function within(field: Field, item: string, value: number, min: number, max: number): number {
  if (value < min || value > max)
    throw new CronProblem(`${quoted(item)}: expected ${min} to ${max} in the field of ${field.title}`);
  return value;
}

function weekdayOf(text: string): number {
  const index = WEEKDAYS.split("|").indexOf(text);
  return index === -1 ? Number(text) % 7 : index;
}

function bitsOf(values: readonly number[]): number {
  return values.reduce((bits, value) => bits | (1 << value), 0);
}

function quoted(text: string): string {
  return JSON.stringify(text.length <= 32 ? text : `${text.slice(0, 32)}…`);
}
