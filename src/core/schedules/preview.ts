/** The next ticks of a schedule, with notes about those that a change of the clock moves. */
import { formatTime } from "../rfc3339.ts";
import { Calendar } from "./calendar.ts";
import { parseCron } from "./cron.ts";
import type { ScheduleDefinition } from "./schedule.ts";
import { oldestTicks, ticksOfSchedule } from "./timing.ts";
import type { Zone } from "./zone.ts";
import { zoneOf } from "./zone.ts";

export interface PreviewTick {
  /** RFC 3339, in UTC. */
  readonly at: string;
  /** RFC 3339, in the zone of the schedule. */
  readonly local: string;
  /** Null unless a change of the clock matters to the tick. */
  readonly note: string | null;
}

/** @param after epoch ms: the ticks are later */
export function previewOf(
  definition: Pick<ScheduleDefinition, "timing" | "timeZone" | "startAt" | "endAt" | "maxRuns">,
  name: string,
  after: number,
  limit: number,
): readonly PreviewTick[] {
  const zone = zoneOf(definition.timeZone);
  const noteOf = notes(definition, name, zone);
  const count = Math.min(limit, definition.maxRuns ?? Infinity);
  const ticks = oldestTicks(ticksOfSchedule(definition, name), after, Infinity, count);
  return ticks.map((tick) => ({ at: formatTime(tick), local: localText(tick, zone), note: noteOf(tick) }));
}

/** An instant by the clock of a zone: `2026-03-29T03:00:00+02:00`. */
function localText(instant: number, zone: Zone): string {
  const local = zone.localOf(instant);
  const offset = local - instant;
  const text = new Date(local).toISOString();
  const size = new Date(Math.abs(offset)).toISOString().slice(11, 16);
  return `${text.slice(0, local % 1_000 === 0 ? 19 : 23)}${offset < 0 ? "-" : "+"}${size}`;
}

/** `02:30`, or `02:30:15`. */
function timeText(local: number): string {
  return new Date(local).toISOString().slice(11, local % 60_000 === 0 ? 16 : 19);
}

function dayText(local: number): string {
  return new Date(local).toISOString().slice(0, 10);
}

function notes(
  { timing }: Pick<ScheduleDefinition, "timing">,
  name: string,
  zone: Zone,
): (tick: number) => string | null {
  const parsed = timing.kind === "cron" ? parseCron(timing.cron, name) : undefined;
  if (!parsed || "problem" in parsed) return () => null;
  const { fields } = parsed;
  const calendar = new Calendar(fields);
  return (tick) => {
    const local = zone.localOf(tick);
    if (fields.isFixed) return skippedNote(tick, zone, calendar) ?? repeatedNote(tick, zone, "fixed");
    return calendar.next(local) === local ? repeatedNote(tick, zone, "interval") : addedNote(local);
  };
}

/** Of a tick at the end of a gap, which stands for times in the gap. */
function skippedNote(tick: number, zone: Zone, calendar: Calendar): string | null {
  const span = zone.spanAt(tick);
  const { offset } = zone.before(span);
  const [gapStart, gapEnd] = [tick + offset, tick + span.offset];
  if (span.start !== tick || gapEnd <= gapStart) return null;
  const skipped = calendar.next(gapStart);
  if (skipped === undefined || skipped >= gapEnd) return null;
  return (
    `${timeText(skipped)} does not exist on ${dayText(skipped)}: the clock goes from ${timeText(gapStart)} to ` +
    `${timeText(gapEnd)}, so the tick is at the first instant after that.`
  );
}

function repeatedNote(tick: number, zone: Zone, kind: "fixed" | "interval"): string | null {
  const span = zone.spanAt(tick);
  const local = tick + span.offset;
  const subject = `${timeText(local)} occurs twice on ${dayText(local)}`;
  const isFirst = local >= span.end + zone.spanAt(span.end).offset;
  const isSecond = local < span.start + zone.before(span).offset;
  if (!isFirst && !isSecond) return null;
  if (kind === "fixed") return `${subject}: the tick is at the first of both.`;
  return `${subject}: this is the ${isFirst ? "first" : "second"} time.`;
}

function addedNote(local: number): string {
  return `The clock changes on ${dayText(local)}: this tick keeps the wait from becoming longer than the interval.`;
}
