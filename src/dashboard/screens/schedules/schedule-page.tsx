/** One schedule: its next ticks, the outcomes of the last ones, and its definition. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Schedule } from "../../../client/taskflow.ts";
import { TaskFlowError } from "../../../client/taskflow.ts";
import { href, route } from "../../app/router.ts";
import type { ScreenProps } from "../../app/screens.ts";
import type { StoredSchedule } from "../../data/exact-json.ts";
import { readStoredSchedule } from "../../data/exact-json.ts";
import { useResource } from "../../data/resource.ts";
import { countText } from "../../parts/format.ts";
import { JsonView } from "../../parts/json-view.tsx";
import { Link } from "../../parts/link.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import { Tiles } from "../../parts/tiles.tsx";
import { exactTime, Time } from "../../parts/time.tsx";
import { definitionText } from "./definition.ts";
import { EditSchedule } from "./edit-schedule.tsx";
import { TickList } from "./next-ticks.tsx";
import { OutcomeMark, ScheduleState } from "./outcome.tsx";
import { RunsPanel } from "./runs-panel.tsx";
import { ScheduleActions } from "./schedule-actions.tsx";
import { ScheduleFacts } from "./schedule-facts.tsx";
import { timingText } from "./timing-text.ts";
import { usePreview } from "./use-preview.ts";

const READ_EVERY_MS = 2_000;

export function SchedulePage({ item: name = "" }: ScreenProps): JSX.Element {
  const stored = useResource(`schedule ${name}`, (_api, signal) => readStoredSchedule(name, signal), {
    everyMs: READ_EVERY_MS,
  });
  const { data, error } = stored;
  if (error instanceof TaskFlowError && error.status === 404)
    return (
      <Page title="Schedule not found">
        <p>
          There is no schedule <code>{name}</code>. It may have been deleted.{" "}
          <Link to={href(["schedules"])}>All schedules</Link>
        </p>
      </Page>
    );
  const isEdited = route().query.get("view") === "edit";
  return (
    <Page
      title={isEdited ? `Edit ${name}` : `Schedule ${name}`}
      heading={
        <span class="schedule-heading">
          {isEdited ? `Edit ${name}` : name} {data ? <ScheduleState value={data.schedule.state} /> : null}
        </span>
      }
      actions={data && !isEdited ? <ScheduleActions schedule={data.schedule} /> : undefined}
    >
      <Loaded of={stored}>
        {(loaded) => (isEdited ? <EditSchedule stored={loaded} /> : <ShownSchedule stored={loaded} />)}
      </Loaded>
    </Page>
  );
}

function ShownSchedule({ stored: { schedule, json } }: { readonly stored: StoredSchedule }): JSX.Element {
  const definition = useMemo(() => definitionText(json), [schedule.version]);
  const words = timingText(schedule);
  return (
    <>
      <p class="lead schedule-lead">
        {words}
        <span class="muted">
          {schedule.cron === undefined || schedule.cron === words ? null : (
            <>
              {" "}
              <code>{schedule.cron}</code>
            </>
          )}{" "}
          {schedule.time_zone}
        </span>
        {schedule.description === null ? null : <span class="schedule-description muted">{schedule.description}</span>}
      </p>
      <Notices schedule={schedule} />
      <div class="schedule-tiles">
        <ScheduleTiles schedule={schedule} />
      </div>
      <div class="schedule-columns">
        <div class="schedule-main">
          <RunsPanel name={schedule.name} lastTick={schedule.last_run?.tick} />
          <Panel title="Definition" aside={`Version ${schedule.version}`}>
            <JsonView json={definition} label="definition" />
          </Panel>
        </div>
        <div class="schedule-side">
          <NextTicks key={schedule.next_run_at} schedule={schedule} definition={definition} />
          <ScheduleFacts schedule={schedule} />
        </div>
      </div>
    </>
  );
}

function Notices({ schedule }: { readonly schedule: Schedule }): JSX.Element {
  const { state, overridden, paused_by: by, paused_reason: reason, paused_until: until } = schedule;
  return (
    <>
      {state === "paused" ? (
        <div class="notice">
          {by === "failures"
            ? "Paused itself, because its last jobs failed"
            : `Paused${by === null ? "" : ` by ${by}`}`}
          {until === null ? " until it is resumed." : ` until ${exactTime(Date.parse(until)).slice(0, 19)}.`}
          {reason === null ? "" : ` Reason: ${reason}`}
        </div>
      ) : null}
      {overridden ? (
        <div class="notice">
          It was changed over the API, so it differs from its file until that changes, or until you revert it.
        </div>
      ) : null}
    </>
  );
}

function ScheduleTiles({ schedule }: { readonly schedule: Schedule }): JSX.Element {
  const { next_run_at: next, last_run: last, counts } = schedule;
  const exact = (at: string | undefined | null): string =>
    at === undefined || at === null ? "–" : exactTime(Date.parse(at)).slice(0, 19);
  return (
    <Tiles
      tiles={[
        { title: "Next tick", value: <Time at={next} />, note: exact(next) },
        {
          title: "Last tick",
          value: <Time at={last?.tick ?? null} />,
          note: last ? <OutcomeMark value={last.outcome} /> : "–",
        },
        { title: "Fired", value: countText(counts.fired), note: "in time" },
        { title: "Late", value: countText(counts.late), note: "made up" },
        { title: "Skipped", value: countText(counts.skipped), note: "by overlap" },
        { title: "Missed", value: countText(counts.missed), note: "not made up" },
      ]}
    />
  );
}

interface NextTicksProps {
  readonly schedule: Schedule;
  readonly definition: string;
}

/** With notes about clock changes, which the schedule itself does not have. */
function NextTicks({ schedule, definition }: NextTicksProps): JSX.Element {
  const { name, state, time_zone: zone, paused_until: until } = schedule;
  const preview = usePreview(definition, name);
  const text =
    state === "ended"
      ? "It has no more ticks."
      : state === "paused"
        ? `None fires until ${until === null ? "it is resumed" : exactTime(Date.parse(until)).slice(0, 19)}.`
        : undefined;
  return (
    <Panel title="Next ticks" aside={zone}>
      {text === undefined ? <TickList preview={preview} /> : <div class="empty">{text}</div>}
    </Panel>
  );
}
