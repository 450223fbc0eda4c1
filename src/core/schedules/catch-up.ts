/** Which missed ticks are made up, and what the history says about the others. */
import { HOUR_MS } from "../time.ts";
import type { CatchUpPolicy, RunReason, ScheduleDefinition } from "./schedule.ts";
import type { Ticks } from "./timing.ts";
import { newestTicks, periodAt } from "./timing.ts";

/** A missed tick is not made up after one period, and not after this time, unless `within_ms` says otherwise. */
const DEFAULT_WITHIN_MS = 24 * HOUR_MS;
/** So many missed ticks of one decision have an entry each in the history; one entry stands for all older ones. */
const MAX_LISTED = 1_000;

/** A tick that is fired unless a job overlaps. */
export interface Candidate {
  readonly tick: number;
  readonly outcome: "fired" | "late";
}

/** Ticks that are not fired. */
export interface Unfired {
  readonly tick: number;
  readonly outcome: "skipped" | "missed";
  readonly reason: RunReason;
  readonly ticks: number;
}

export interface Range {
  readonly after: number;
  readonly upTo: number;
}

const NO_TICKS = { candidates: [], missed: [] };

/** Which missed ticks of a range are made up. @param newer how many ticks after the range are fired */
export function caughtUp(
  { catchUp }: ScheduleDefinition,
  ticks: Ticks,
  { after, upTo }: Range,
  policy: CatchUpPolicy,
  now: number,
  newer: number,
): { readonly candidates: readonly Candidate[]; readonly missed: readonly Unfired[] } {
  if (upTo <= after || ticks.last(after, upTo) === undefined) return NO_TICKS;
  const max = policy === "none" || (policy === "last" && newer > 0) ? 0 : policy === "last" ? 1 : catchUp.max;
  const newest = newestTicks(ticks, after, upTo, max + MAX_LISTED + 1);
  const withinMs = (tick: number): number =>
    catchUp.withinMs ?? (policy === "last" ? Math.min(periodAt(ticks, tick), DEFAULT_WITHIN_MS) : Infinity);
  const isTooOld = (tick: number): boolean => now - tick > withinMs(tick);
  const reasonOf = (tick: number): RunReason => {
    if (policy === "none") return "catch_up_none";
    if (policy === "last" && (tick !== newest[0] || newer > 0)) return "catch_up_last";
    return isTooOld(tick) ? "too_old" : "more_than_max";
  };
  const made = newest.slice(0, max).filter((tick) => !isTooOld(tick));
  const rest = newest.slice(made.length);
  const listed: Unfired[] = rest.slice(0, MAX_LISTED).map((tick) => missedTick(tick, reasonOf(tick), 1));
  const older = rest[MAX_LISTED];
  if (older !== undefined) listed.push(missedTick(older, reasonOf(older), ticks.count(after, older)));
  return {
    candidates: made.reverse().map((tick) => ({ tick, outcome: "late" })),
    missed: listed.reverse(),
  };
}

export function missedTick(tick: number, reason: RunReason, ticks: number): Unfired {
  return { tick, outcome: "missed", reason, ticks };
}

/** The ticks of a pause, which have one entry. */
export function inOneRun(missed: readonly Unfired[]): readonly Unfired[] {
  const last = missed.at(-1);
  if (!last) return [];
  const count = missed.reduce((sum, { ticks }) => sum + ticks, 0);
  return [missedTick(last.tick, "paused", count)];
}
