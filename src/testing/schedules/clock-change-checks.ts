/** What must be true of the ticks of cron expressions around a change of a zone's clock. */
import { expect } from "vitest";
import { newestTicks, oldestTicks, ticksOf } from "../../core/schedules/timing.ts";
import { clockOf, fixedTicks, shownTicks } from "./brute-force-cron.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const AROUND_MS = 36 * HOUR_MS;
/** No clock moves by more from 2020 to 2035; that of Antarctica/Casey moves by as much. */
const MAX_MOVE_MS = 3 * HOUR_MS;

const FIXED = ["30 2 * * *", "0 2,3 * * *", "10,40 1,2 * * *", "5 0 * * *", "59 23 * * *", "45 1 * * 0"];
/** With the longest wait between two ticks, where every hour matches. */
const INTERVALS: readonly (readonly [cron: string, periodMs: number])[] = [
  ["*/15 * * * *", 15 * MINUTE_MS],
  ["*/20 * * * *", 20 * MINUTE_MS],
  ["0 * * * *", HOUR_MS],
  ["10 * * * *", HOUR_MS],
  ["30 */2 * * *", Infinity],
  ["*/15 2 * * *", Infinity],
];

/** @param change an instant at which the offset of the zone changes, epoch ms */
export function checkClockChange(timeZone: string, change: number): void {
  const [from, to] = [change - AROUND_MS, change + AROUND_MS];
  const clock = clockOf(timeZone, from, to);
  for (const cron of FIXED) {
    const ticks = ticksAround(cron, timeZone, from, to);
    expect([timeZone, cron, ...ticks]).toEqual([timeZone, cron, ...fixedTicks(cron, clock)]);
    if (cron === "5 0 * * *") {
      for (const wait of waits(ticks)) expect(Math.abs(wait - 24 * HOUR_MS)).toBeLessThanOrEqual(MAX_MOVE_MS);
    }
  }
  const movesByHours = isWholeHour(clock, change);
  for (const [cron, periodMs] of INTERVALS) {
    const ticks = ticksAround(cron, timeZone, from, to);
    const shown = shownTicks(cron, clock);
    expect(Math.max(0, ...waits(ticks))).toBeLessThanOrEqual(periodMs);
    // only the old clock adds a tick, and only in the hour after a change by less than an hour
    const added = ticks.filter((tick) => !shown.includes(tick));
    expect([timeZone, cron, ...ticks.filter((tick) => !added.includes(tick))]).toEqual([timeZone, cron, ...shown]);
    if (movesByHours) expect([timeZone, cron, ...added]).toEqual([timeZone, cron]);
    for (const tick of added) expect(Math.floor((tick - change) / HOUR_MS)).toBe(0);
  }
}

/** The ticks around a change, by expression. */
export function ticksByExpression(timeZone: string, change: number): readonly (readonly number[])[] {
  const crons = [...FIXED, ...INTERVALS.map(([cron]) => cron)];
  return crons.map((cron) => ticksAround(cron, timeZone, change - AROUND_MS, change + AROUND_MS));
}

function isWholeHour(clock: ReturnType<typeof clockOf>, change: number): boolean {
  const after = clock.find(({ at }) => at === change);
  const before = clock.find(({ at }) => at === change - HOUR_MS);
  return after?.minute === before?.minute;
}

function waits(ticks: readonly number[]): number[] {
  return ticks.slice(1).map((tick, at) => tick - (ticks[at] ?? 0));
}

/** The ticks in (from, to], which all calls agree about. */
function ticksAround(cron: string, timeZone: string, from: number, to: number): number[] {
  const ticks = ticksOf({ kind: "cron", cron, timeZone }, "a");
  const found = oldestTicks(ticks, from, to, 1_000);
  expect(newestTicks(ticks, from, to, 1_000).reverse()).toEqual(found);
  expect(ticks.count(from, to)).toBe(found.length);
  let previous = from;
  const wrong: number[] = []; // an `expect` for each tick of each zone would take most of the time
  for (const tick of found) {
    const isRight =
      tick > previous &&
      // from any instant before a tick, at or after the one before, that tick is next
      ticks.next(tick - 1) === tick &&
      ticks.next(Math.floor((previous + tick) / 2)) === tick &&
      ticks.last(from, tick) === tick &&
      ticks.count(previous, tick) === 1 &&
      ticks.count(previous, tick - 1) === 0;
    if (!isRight) wrong.push(tick);
    previous = tick;
  }
  expect([timeZone, cron, ...wrong]).toEqual([timeZone, cron]);
  return found;
}
