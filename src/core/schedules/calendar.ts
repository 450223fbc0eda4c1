/** Which local times a cron expression means, on a clock that never changes. Local times are as in zone.ts. */
import { at } from "../at.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../time.ts";

/** The days of a cron expression: those that its two fields of days mean. */
export interface DayRule {
  /** Bit N: day N of the month. */
  readonly days: number;
  /** `L` is 0, `L-3` is 3: days before the last day of the month. */
  readonly beforeLast: readonly number[];
  /** `15W`: the working day nearest to day 15. */
  readonly nearest: readonly number[];
  /** `LW`: the last working day. */
  readonly isLastWorkday: boolean;
  /** Bit N: day N of the week, Sunday 0. */
  readonly weekdays: number;
  /** `5L`: the last Friday. Bits as in `weekdays`. */
  readonly lastWeekdays: number;
  /** `5#2`: the second Friday. */
  readonly nthWeekdays: readonly { readonly weekday: number; readonly nth: number }[];
  /** Whether a day must match both fields: so if one of them contains `*`. Otherwise one is enough. */
  readonly needsBoth: boolean;
}

/** A cron expression. The lists ascend, and none is empty. */
export interface CronFields {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  /** Bit N: month N, January 1. */
  readonly months: number;
  readonly dayRule: DayRule;
  /** Whether neither minute nor hour is `*` or a step: a time of the day, which a change of the clock moves. */
  readonly isFixed: boolean;
}

/** 29 February is a given day of the week every 28 years, or after 40 if a leap year is left out. */
const MAX_YEARS = 60;
const LAST_YEAR = 9_999;

/** The local times of an expression, and how many there are. */
export class Calendar {
  readonly #fields: CronFields;
  readonly #perDay: number;
  #month = Number.NaN;
  #days = 0;

  constructor(fields: CronFields) {
    this.#fields = fields;
    this.#perDay = fields.seconds.length * fields.minutes.length * fields.hours.length;
  }

  /** The first match at a local time or after it; undefined if there is none in {@link MAX_YEARS} years. */
  next(local: number): number | undefined {
    const day = Math.floor(local / DAY_MS);
    if (this.#hasDay(day)) {
      const time = this.#timeFrom(local - day * DAY_MS);
      if (time !== undefined) return day * DAY_MS + time;
    }
    const nextDay = this.#nextDay(day + 1);
    return nextDay === undefined ? undefined : nextDay * DAY_MS + (this.#timeFrom(0) ?? 0);
  }

  /** The last match at a local time or before it. */
  last(local: number): number | undefined {
    const day = Math.floor(local / DAY_MS);
    if (this.#hasDay(day)) {
      const time = this.#timeUpTo(local - day * DAY_MS);
      if (time !== undefined) return day * DAY_MS + time;
    }
    const lastDay = this.#lastDay(day - 1);
    return lastDay === undefined ? undefined : lastDay * DAY_MS + (this.#timeUpTo(DAY_MS - 1) ?? 0);
  }

  /** How many matches are at `from` or after it, and before `to`. */
  count(from: number, to: number): number {
    if (to <= from) return 0;
    const [first, last] = [Math.floor(from / DAY_MS), Math.floor(to / DAY_MS)];
    const before = (day: number, local: number): number =>
      this.#hasDay(day) ? this.#countBefore(local - day * DAY_MS) : 0;
    return this.#countDays(first, last) * this.#perDay + before(last, to) - before(first, from);
  }

  /** The first time of a day at `time` or after it, in ms since its begin. */
  #timeFrom(time: number): number | undefined {
    const { seconds, minutes, hours } = this.#fields;
    const [hour, minute, second] = partsOf(Math.ceil(time / 1_000) * 1_000);
    const first = at(minutes, 0) * MINUTE_MS + at(seconds, 0) * 1_000;
    if (hours.includes(hour)) {
      if (minutes.includes(minute)) {
        const nextSecond = seconds.find((each) => each >= second);
        if (nextSecond !== undefined) return hour * HOUR_MS + minute * MINUTE_MS + nextSecond * 1_000;
      }
      const nextMinute = minutes.find((each) => each > minute);
      if (nextMinute !== undefined) return hour * HOUR_MS + nextMinute * MINUTE_MS + at(seconds, 0) * 1_000;
    }
    const nextHour = hours.find((each) => each > hour);
    return nextHour === undefined ? undefined : nextHour * HOUR_MS + first;
  }

  /** The last time of a day at `time` or before it. */
  #timeUpTo(time: number): number | undefined {
    const { seconds, minutes, hours } = this.#fields;
    const [hour, minute, second] = partsOf(time);
    const lastSecond = at(seconds, seconds.length - 1) * 1_000;
    if (hours.includes(hour)) {
      if (minutes.includes(minute)) {
        const previous = seconds.findLast((each) => each <= second);
        if (previous !== undefined) return hour * HOUR_MS + minute * MINUTE_MS + previous * 1_000;
      }
      const previous = minutes.findLast((each) => each < minute);
      if (previous !== undefined) return hour * HOUR_MS + previous * MINUTE_MS + lastSecond;
    }
    const previous = hours.findLast((each) => each < hour);
    if (previous === undefined) return undefined;
    return previous * HOUR_MS + at(minutes, minutes.length - 1) * MINUTE_MS + lastSecond;
  }

  #countBefore(time: number): number {
    const { seconds, minutes, hours } = this.#fields;
    const [hour, minute, second] = partsOf(Math.ceil(time / 1_000) * 1_000);
    const below = (list: readonly number[], limit: number): number => list.filter((each) => each < limit).length;
    const ofMinute = hours.includes(hour) && minutes.includes(minute) ? below(seconds, second) : 0;
    const ofHour = hours.includes(hour) ? below(minutes, minute) * seconds.length : 0;
    return below(hours, hour) * minutes.length * seconds.length + ofHour + ofMinute;
  }

  #hasDay(day: number): boolean {
    const { year, month, dayOfMonth } = civilOf(day);
    return ((this.#daysOf(year, month) >>> dayOfMonth) & 1) === 1;
  }

  #nextDay(day: number): number | undefined {
    const start = civilOf(day);
    let from = start.dayOfMonth;
    for (let { year, month } = start; year <= Math.min(start.year + MAX_YEARS, LAST_YEAR); ) {
      const days = this.#daysOf(year, month) & (-1 << from);
      if (days !== 0) return dayNumber(year, month, 31 - Math.clz32(days & -days));
      [year, month, from] = month === 12 ? [year + 1, 1, 1] : [year, month + 1, 1];
    }
    return undefined;
  }

  #lastDay(day: number): number | undefined {
    const start = civilOf(day);
    let upTo = start.dayOfMonth;
    for (let { year, month } = start; year >= Math.max(start.year - MAX_YEARS, 1); ) {
      const days = this.#daysOf(year, month) & ~((-1 << upTo) << 1);
      if (days !== 0) return dayNumber(year, month, 31 - Math.clz32(days));
      [year, month, upTo] = month === 1 ? [year - 1, 12, 31] : [year, month - 1, 31];
    }
    return undefined;
  }

  /** How many days from `first` on match, and are before `end`. */
  #countDays(first: number, end: number): number {
    const [start, last] = [civilOf(first), civilOf(end)];
    const below = (year: number, month: number, dayOfMonth: number): number =>
      bitCount(this.#daysOf(year, month) & ~(-1 << dayOfMonth));
    let count = below(last.year, last.month, last.dayOfMonth) - below(start.year, start.month, start.dayOfMonth);
    for (let { year, month } = start; year < last.year || (year === last.year && month < last.month); ) {
      count += bitCount(this.#daysOf(year, month));
      [year, month] = month === 12 ? [year + 1, 1] : [year, month + 1];
    }
    return count;
  }

  /** The days of a month: bit N is day N. */
  #daysOf(year: number, month: number): number {
    const key = year * 12 + month;
    if (key !== this.#month) {
      this.#month = key;
      this.#days = ((this.#fields.months >>> month) & 1) === 1 ? daysOf(this.#fields.dayRule, year, month) : 0;
    }
    return this.#days;
  }
}

function daysOf(rule: DayRule, year: number, month: number): number {
  const length = lengthOf(year, month);
  const firstWeekday = (((dayNumber(year, month, 1) + 4) % 7) + 7) % 7; // 1970-01-01 was a Thursday
  let byDay = rule.days;
  let byWeekday = 0;
  for (const before of rule.beforeLast) byDay |= before < length ? 1 << (length - before) : 0;
  for (const day of rule.nearest) byDay |= day <= length ? 1 << workdayNear(day, length, firstWeekday) : 0;
  if (rule.isLastWorkday) byDay |= 1 << workdayNear(length, length, firstWeekday);
  for (let day = 1; day <= length; day++) {
    const weekday = 1 << ((firstWeekday + day - 1) % 7);
    if ((rule.weekdays & weekday) !== 0) byWeekday |= 1 << day;
    if ((rule.lastWeekdays & weekday) !== 0 && day + 7 > length) byWeekday |= 1 << day;
  }
  for (const { weekday, nth } of rule.nthWeekdays) {
    const day = 1 + ((weekday - firstWeekday + 7) % 7) + (nth - 1) * 7;
    byWeekday |= day <= length ? 1 << day : 0; // a shift by 33 would be one by 1
  }
  const matching = rule.needsBoth ? byDay & byWeekday : byDay | byWeekday;
  return matching & ~((-1 << length) << 1) & ~1;
}

/** The day from Monday to Friday in the same month that is nearest to a day. */
function workdayNear(day: number, length: number, firstWeekday: number): number {
  const weekday = (firstWeekday + day - 1) % 7;
  if (weekday === 6) return day === 1 ? 3 : day - 1;
  if (weekday === 0) return day === length ? day - 2 : day + 1;
  return day;
}

function partsOf(time: number): readonly [hour: number, minute: number, second: number] {
  return [Math.floor(time / HOUR_MS), Math.floor(time / MINUTE_MS) % 60, Math.floor(time / 1_000) % 60];
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

interface Civil {
  readonly year: number;
  /** January is 1. */
  readonly month: number;
  readonly dayOfMonth: number;
}

/** The date of a day, given the days since 1970-01-01. */
function civilOf(day: number): Civil {
  const date = new Date(day * DAY_MS);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, dayOfMonth: date.getUTCDate() };
}

function dayNumber(year: number, month: number, dayOfMonth: number): number {
  return new Date(0).setUTCFullYear(year, month - 1, dayOfMonth) / DAY_MS;
}

function lengthOf(year: number, month: number): number {
  return new Date(Date.UTC(2_000 + (year % 400), month, 0)).getUTCDate(); // the calendar repeats after 400 years
}
