/** The ticks of a schedule: the instants, in epoch milliseconds, at which it submits a job. */
import { at } from "../at.ts";
import { parseCron } from "./cron.ts";
import { cronTicks } from "./cron-ticks.ts";
import type { ScheduleDefinition, Timing } from "./schedule.ts";
import { zoneOf } from "./zone.ts";

/** All instants are epoch ms; `after` and `upTo` may be infinite. Each call costs a bounded amount of work. */
export interface Ticks {
  /** The first tick after an instant. */
  next(after: number): number | undefined;
  /** The last tick that is later than `after`, and no later than `upTo`. */
  last(after: number, upTo: number): number | undefined;
  /** How many ticks are later than `after`, and no later than `upTo`; both are finite. */
  count(after: number, upTo: number): number;
}

/**
 * The ticks of a timing.
 * @param name of the schedule, by which `H` is chosen
 * @throws Error for an expression that {@link parseCron} does not accept, or before {@link loadCron}
 */
export function ticksOf(timing: Timing, name: string): Ticks {
  switch (timing.kind) {
    case "cron": {
      const parsed = parseCron(timing.cron, name);
      if ("problem" in parsed) throw new Error(`the cron expression ${timing.cron} is not valid: ${parsed.problem}`);
      return cronTicks(parsed.fields, zoneOf(timing.timeZone));
    }
    case "every":
      return everyTicks(timing.everyMs, timing.offsetMs);
    case "times":
      return timesTicks(timing.times);
  }
}

/** 9999-12-31T23:59:59.999Z: RFC 3339 has no later time. */
export const LAST_INSTANT = 253_402_300_799_999;

/** The ticks of a schedule: those of its timing from `startAt` to `endAt`, or to the end of the year 9999. */
export function ticksOfSchedule(
  { timing, startAt, endAt }: Pick<ScheduleDefinition, "timing" | "startAt" | "endAt">,
  name: string,
): Ticks {
  const ticks = ticksOf(timing, name);
  const before = startAt === null ? -Infinity : startAt - 1;
  const end = endAt ?? LAST_INSTANT;
  return {
    next(after) {
      const next = ticks.next(Math.max(after, before));
      return next === undefined || next > end ? undefined : next;
    },
    last: (after, upTo) => ticks.last(Math.max(after, before), Math.min(upTo, end)),
    count: (after, upTo) => ticks.count(Math.max(after, before), Math.min(upTo, end)),
  };
}

/** The newest ticks in (after, upTo], newest first. */
export function newestTicks(ticks: Ticks, after: number, upTo: number, limit: number): number[] {
  const found: number[] = [];
  for (let tick = ticks.last(after, upTo); tick !== undefined; tick = ticks.last(after, tick - 1)) {
    found.push(tick);
    if (found.length === limit) break;
  }
  return found;
}

/** The oldest ticks in (after, upTo], oldest first. */
export function oldestTicks(ticks: Ticks, after: number, upTo: number, limit: number): number[] {
  const found: number[] = [];
  for (let tick = ticks.next(after); tick !== undefined && tick <= upTo; tick = ticks.next(tick)) {
    if (found.length === limit) break;
    found.push(tick);
  }
  return found;
}

/** From a tick to the next one; for the last tick, from the one before; infinite for an only tick. In ms. */
export function periodAt(ticks: Ticks, tick: number): number {
  const next = ticks.next(tick);
  if (next !== undefined) return next - tick;
  const previous = ticks.last(-Infinity, tick - 1);
  return previous === undefined ? Infinity : tick - previous;
}

/** Multiples of `everyMs` since the epoch, plus the offset. */
function everyTicks(everyMs: number, offsetMs: number): Ticks {
  const indexOf = (instant: number): number => Math.floor((instant - offsetMs) / everyMs);
  const tickOf = (index: number): number => index * everyMs + offsetMs;
  return {
    next: (after) => (Number.isFinite(after) ? tickOf(indexOf(after) + 1) : undefined),
    last(after, upTo) {
      if (!Number.isFinite(upTo)) return undefined;
      const last = tickOf(indexOf(upTo));
      return last > after ? last : undefined;
    },
    count: (after, upTo) => Math.max(0, indexOf(upTo) - indexOf(after)),
  };
}

/** @param times ascending */
function timesTicks(times: readonly number[]): Ticks {
  /** How many are no later than the instant. */
  const rankOf = (instant: number): number => {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (at(times, middle) <= instant) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    next: (after) => times[rankOf(after)],
    last(after, upTo) {
      const last = times[rankOf(upTo) - 1];
      return last !== undefined && last > after ? last : undefined;
    },
    count: (after, upTo) => Math.max(0, rankOf(upTo) - rankOf(after)),
  };
}
