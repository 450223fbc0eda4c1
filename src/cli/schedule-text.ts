/** Formats schedules for the terminal. */
import type { Schedule, ScheduleRun, ScheduleTick } from "../client/contract.ts";
import { printable } from "../observability/terminal-text.ts";
import { exactJson } from "./exact-json.ts";
import { statusColour } from "./job-text.ts";
import type { Column } from "./table.ts";
import { fieldLines } from "./table.ts";
import type { Colour, Terminal } from "./terminal.ts";
import { durationText, timeText } from "./time-option.ts";

const STATE_COLOURS: Readonly<Record<Schedule["state"], Colour | undefined>> = {
  active: undefined,
  paused: "yellow",
  ended: "dim",
};

const OUTCOME_COLOURS: Readonly<Record<ScheduleRun["outcome"], Colour | undefined>> = {
  fired: "green",
  late: "yellow",
  skipped: "yellow",
  missed: "red",
};

export const SCHEDULE_COLUMNS: readonly Column<Schedule>[] = [
  { title: "name", text: ({ name }) => name },
  { title: "state", text: ({ state }) => state, colour: ({ state }) => STATE_COLOURS[state] },
  { title: "type", text: ({ job }) => String(job["type"]) },
  { title: "when", text: timingText },
  { title: "next", text: ({ next_run_at: next }) => (next === null ? "-" : timeText(next)) },
  {
    title: "last",
    text: ({ last_run: last }) => (last === null ? "-" : `${timeText(last.tick)} ${last.outcome}`),
    colour: ({ last_run: last }) => (last === null ? undefined : OUTCOME_COLOURS[last.outcome]),
  },
];

export const RUN_COLUMNS: readonly Column<ScheduleRun>[] = [
  { title: "tick", text: ({ tick }) => timeText(tick) },
  { title: "outcome", text: ({ outcome }) => outcome, colour: ({ outcome }) => OUTCOME_COLOURS[outcome] },
  { title: "kind", text: ({ kind }) => kind },
  {
    title: "reason",
    text: ({ reason, ticks }) => [reason, ticks > 1 ? `(${ticks} ticks)` : null].filter(Boolean).join(" ") || "-",
  },
  { title: "job", text: ({ job_id: id }) => id ?? "-" },
  {
    title: "status",
    text: ({ job_status: status }) => status ?? "-",
    colour: ({ job_status: status }) => statusColour(status ?? ""),
  },
];

export const TICK_COLUMNS: readonly Column<ScheduleTick>[] = [
  { title: "at", text: ({ at }) => timeText(at) },
  { title: "local", text: ({ local }) => local },
  { title: "note", text: ({ note }) => note ?? "" },
];

/** `0 3 * * 1-5 Europe/Berlin`, `every 15 m` or `3 times`. */
function timingText({ cron, every_ms: every, times = [], time_zone: zone }: Schedule): string {
  if (cron !== undefined) return `${cron} ${zone}`;
  if (every !== undefined) return `every ${durationText(every)}`;
  return times.length === 1 ? "once" : `${times.length} times`;
}

/** All facts about a schedule, one per line. */
export function scheduleText(schedule: Schedule, terminal: Pick<Terminal, "paint">): string {
  const { state, catch_up: catchUp, last_run: last, counts, next_runs: next } = schedule;
  return fieldLines(
    [
      ["name", schedule.name],
      ["description", schedule.description === null ? null : printable(schedule.description)],
      ["state", terminal.paint(state, STATE_COLOURS[state])],
      ["paused", pauseText(schedule)],
      ["when", printable(timingText(schedule))],
      ["starts", schedule.start_at],
      ["ends", schedule.end_at],
      ["next", next.length === 0 ? null : next.map(timeText).join(", ")],
      ["last", last && `${timeText(last.tick)} ${last.outcome}${last.job_id === null ? "" : `, job ${last.job_id}`}`],
      [
        "ticks",
        Object.entries(counts)
          .map(([outcome, count]) => `${count} ${outcome}`)
          .join(", "),
      ],
      ["overlap", schedule.overlap],
      ["catch up", catchUp.policy],
      ["version", `${schedule.version}${schedule.overridden ? " (overrides its file)" : ""}`],
      ["updated", schedule.updated_at],
      ["job", printable(exactJson.stringify(schedule.job))],
    ],
    terminal,
  );
}

/** `since 2026-… by ops until 2026-…: the database is away` */
function pauseText({
  paused_at: at,
  paused_by: by,
  paused_until: until,
  paused_reason: reason,
}: Schedule): string | null {
  if (at === null) return null;
  const parts = [`since ${timeText(at)}`, by && `by ${by}`, until && `until ${timeText(until)}`];
  return printable(`${parts.filter(Boolean).join(" ")}${reason === null ? "" : `: ${reason}`}`);
}
