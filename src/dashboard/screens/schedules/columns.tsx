/** The columns of the list of schedules. */
import type { JSX } from "preact";
import type { Schedule } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { Link } from "../../parts/link.tsx";
import type { Column } from "../../parts/table.tsx";
import { exactTime, Time } from "../../parts/time.tsx";
import { jobTypeIn } from "./job-type-in.ts";
import { OutcomeMark, ScheduleState } from "./outcome.tsx";
import { PauseButton, RunButton } from "./schedule-actions.tsx";
import type { RecentTicks } from "./strip-cells.ts";
import { StripOf } from "./strip-of.tsx";
import { timingText } from "./timing-text.ts";

/** @param recentOf the ticks of the last day of the schedule of a name */
export const columnsOf = (recentOf: (name: string) => RecentTicks | undefined): readonly Column<Schedule>[] => [
  { key: "name", title: "Name and type", cell: (schedule) => <Name schedule={schedule} /> },
  { key: "state", title: "State", cell: ({ state, paused_reason: reason }) => <State state={state} reason={reason} /> },
  { key: "timing", title: "Ticks", cell: (schedule) => <Timing schedule={schedule} />, isMinor: true },
  { key: "next", title: "Next", cell: ({ next_run_at: at }) => <TwoLines at={at} /> },
  { key: "last", title: "Last", cell: ({ last_run: run }) => <LastRun run={run} /> },
  {
    key: "strip",
    title: "Last 24 hours",
    cell: (schedule) => <StripOf schedule={schedule} recent={recentOf(schedule.name)} />,
    isMinor: true,
  },
  {
    key: "actions",
    title: "Actions",
    cell: (schedule) => (
      <span class="actions nowrap-actions">
        <RunButton name={schedule.name} />
        <PauseButton schedule={schedule} />
      </span>
    ),
  },
];

function Name({ schedule: { name, description, job } }: { readonly schedule: Schedule }): JSX.Element {
  return (
    <>
      <Link
        to={href(["schedules", name])}
        class="cut schedule-name"
        title={description === null ? name : `${name}\n${description}`}
      >
        {name}
      </Link>
      <span class="muted cut schedule-note">{jobTypeIn(job)}</span>
    </>
  );
}

function Timing({ schedule }: { readonly schedule: Schedule }): JSX.Element {
  const words = timingText(schedule) ?? "";
  const { cron, time_zone: zone } = schedule;
  return (
    <>
      <span class="schedule-words">{words}</span>
      <span class="muted schedule-note cut" title={`${cron ?? ""} ${zone}`.trim()}>
        {cron === undefined || cron === words ? null : <code>{cron}</code>} {zone}
      </span>
    </>
  );
}

/** How far, and when, to the minute. */
function TwoLines({ at }: { readonly at: string | null }): JSX.Element {
  return (
    <>
      <span class="nowrap">
        <Time at={at} />
      </span>
      {at === null ? null : <span class="muted schedule-note nowrap">{exactTime(Date.parse(at)).slice(0, 16)}</span>}
    </>
  );
}

function LastRun({ run }: { readonly run: Schedule["last_run"] }): JSX.Element {
  if (run === null) return <span class="muted">–</span>;
  const { tick, outcome, job_id: id, job_status: status } = run;
  return (
    <>
      <OutcomeMark value={outcome} />
      <span class="muted schedule-note nowrap">
        <Time at={tick} />
        {id === null || status === null ? null : (
          <>
            {", "}
            <Link to={href(["jobs", id])} title="Open its job" class={`last-job status-${status}`}>
              {status}
            </Link>
          </>
        )}
      </span>
    </>
  );
}

function State({ state, reason }: { readonly state: Schedule["state"]; readonly reason: string | null }): JSX.Element {
  return (
    <span title={reason ?? undefined}>
      <ScheduleState value={state} />
    </span>
  );
}
