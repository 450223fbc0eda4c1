/**
 * The instants of a cron expression on the clock of a zone.
 *
 * Fixed times: a time that the clock skips is fired once, at the first instant after the gap; a time that it shows twice
 * is fired at the first of both. Other expressions are intervals, which follow elapsed time: they have no tick in a gap,
 * and both in a repeated hour. Where every hour matches, the old clock also ends the wait in which the clock changes:
 * in a zone that changes by half an hour, `0 * * * *` would otherwise wait for 90 minutes.
 */
import { DAY_MS, HOUR_MS } from "../time.ts";
import type { CronFields } from "./calendar.ts";
import { Calendar } from "./calendar.ts";
import type { Ticks } from "./timing.ts";
import type { Span, Zone } from "./zone.ts";

/** How far from a change of the clock local times may be shown twice: no clock moves by more. */
const NEAR_MS = 26 * HOUR_MS;

export function cronTicks(fields: CronFields, zone: Zone): Ticks {
  const calendar = new Calendar(fields);
  const ticks = fields.isFixed
    ? new FixedTicks(calendar, zone)
    : new IntervalTicks(calendar, zone, fields.hours.length === 24 ? "hourly" : "other");
  return {
    next: (after) => (Number.isFinite(after) ? ticks.next(after) : undefined),
    last(after, upTo) {
      const last = Number.isFinite(upTo) && upTo > after ? ticks.last(after, upTo) : undefined;
      return last !== undefined && last > after ? last : undefined;
    },
    count: (after, upTo) => (upTo > after ? ticks.count(after, upTo) : 0),
  };
}

function wholeSecond(instant: number): number {
  return Math.floor(instant / 1_000) * 1_000;
}

class FixedTicks {
  readonly #calendar: Calendar;
  readonly #zone: Zone;

  constructor(calendar: Calendar, zone: Zone) {
    this.#calendar = calendar;
    this.#zone = zone;
  }

  next(after: number): number | undefined {
    const local = this.#calendar.next(this.#reached(after) + 1_000);
    return local === undefined ? undefined : this.#zone.instantOf(local);
  }

  last(_after: number, upTo: number): number | undefined {
    const local = this.#calendar.last(this.#reached(upTo));
    return local === undefined ? undefined : this.#zone.instantOf(local);
  }

  count(after: number, upTo: number): number {
    let count = this.#calendar.count(this.#reached(after) + 1_000, this.#reached(upTo) + 1_000);
    for (let span = this.#zone.spanAt(after); span.end <= upTo; ) {
      const next = this.#zone.spanAt(span.end);
      // the times of a gap, and the first after it, are one tick
      if (next.offset > span.offset)
        count -= Math.max(0, this.#calendar.count(span.end + span.offset, span.end + next.offset + 1_000) - 1);
      span = next;
    }
    return count;
  }

  /** The last local time that the clock has shown, or skipped, by an instant; in whole seconds. */
  #reached(instant: number): number {
    const second = wholeSecond(instant);
    let span = this.#zone.spanAt(second);
    let reached = second + span.offset;
    while (second - span.start < NEAR_MS) {
      const before = this.#zone.before(span);
      if (before.start === span.start) break; // the first span of all
      reached = Math.max(reached, span.start + before.offset - 1_000);
      span = before;
    }
    return reached;
  }
}

class IntervalTicks {
  readonly #calendar: Calendar;
  readonly #zone: Zone;
  readonly #kind: "hourly" | "other";

  constructor(calendar: Calendar, zone: Zone, kind: "hourly" | "other") {
    this.#calendar = calendar;
    this.#zone = zone;
    this.#kind = kind;
  }

  next(after: number): number | undefined {
    for (let from = wholeSecond(after) + 1_000; ; ) {
      const span = this.#zone.spanAt(from);
      const local = this.#calendar.next(from + span.offset);
      if (local === undefined) return undefined;
      const tick = local - span.offset;
      const extra = from < span.start + HOUR_MS ? this.#extraTick(span) : undefined;
      if (extra !== undefined && extra >= from && extra < Math.min(tick, span.end)) return extra;
      if (tick < span.end) return tick;
      // local times before this one can match again only if the clock goes back here
      const goesBack = this.#zone.spanAt(span.end).offset < span.offset;
      from = goesBack ? span.end : Math.max(span.end, tick - 2 * DAY_MS);
    }
  }

  last(after: number, upTo: number): number | undefined {
    for (let to = wholeSecond(upTo); to > after; ) {
      const span = this.#zone.spanAt(to);
      const local = this.#calendar.last(to + span.offset);
      if (local === undefined) return undefined;
      const tick = local - span.offset;
      if (tick >= span.start) return tick;
      const extra = this.#extraTick(span);
      if (extra !== undefined && extra <= to) return extra;
      const goesBack = this.#zone.before(span).offset > span.offset;
      to = goesBack ? span.start - 1_000 : Math.min(span.start - 1_000, tick + 2 * DAY_MS);
    }
    return undefined;
  }

  count(after: number, upTo: number): number {
    let count = 0;
    const end = wholeSecond(upTo) + 1_000;
    for (let from = wholeSecond(after) + 1_000; from < end; ) {
      const span = this.#zone.spanAt(from);
      const to = Math.min(end, span.end);
      count += this.#calendar.count(from + span.offset, to + span.offset);
      const extra = this.#extraTick(span);
      if (extra !== undefined && extra >= from && extra < to) count += 1;
      from = span.end;
    }
    return count;
  }

  /** The tick that the old clock adds before the first tick of a span. */
  #extraTick(span: Span): number | undefined {
    if (this.#kind === "other") return undefined;
    const before = this.#zone.before(span);
    if (before.offset === span.offset) return undefined;
    const byOldClock = this.#calendar.next(span.start + before.offset);
    const byNewClock = this.#calendar.next(span.start + span.offset);
    if (byOldClock === undefined || byNewClock === undefined) return undefined;
    const extra = byOldClock - before.offset;
    return extra < span.start + HOUR_MS && extra < byNewClock - span.offset ? extra : undefined;
  }
}
