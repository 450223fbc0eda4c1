/** The dialogs that pause and resume a schedule. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Schedule } from "../../../client/taskflow.ts";
import { refreshResources } from "../../data/resource.ts";
import { client } from "../../data/session.ts";
import { ActionDialog } from "../../parts/action-dialog.tsx";
import { ReasonField } from "../../parts/reason-field.tsx";
import { zone } from "../../parts/time.tsx";
import { timeOfField } from "../../parts/time-field.ts";
import { notify } from "../../parts/toasts.tsx";

export interface ScheduleDialogProps {
  readonly schedule: Schedule;
  readonly onClose: () => void;
}

export function PauseDialog({ schedule: { name }, onClose }: ScheduleDialogProps): JSX.Element {
  const [reason, setReason] = useState("");
  const [time, setTime] = useState("");
  const until = time === "" ? undefined : timeOfField(time, zone.value);
  const isPast = until !== undefined && Date.parse(until) <= Date.now();
  const pause = async (): Promise<void> => {
    await client().pauseSchedule(name, {
      ...(reason.trim() !== "" && { reason: reason.trim() }),
      ...(until !== undefined && { until }),
    });
    notify(`The schedule ${name} is paused.`);
    refreshResources("schedule");
  };
  return (
    <ActionDialog
      title={`Pause ${name}?`}
      action="Pause schedule"
      scope="admin"
      unavailable={isPast ? "The end of the pause must be in the future." : undefined}
      onClose={onClose}
      act={pause}
    >
      <p>It submits no jobs until it is resumed. Jobs that exist already run.</p>
      <ReasonField value={reason} onChange={setReason} />
      <label>
        Until ({zone.value === "utc" ? "UTC" : "local time"}; empty: until you resume it)
        <input
          class="field"
          type="datetime-local"
          value={time}
          onInput={({ currentTarget }) => setTime(currentTarget.value)}
        />
      </label>
    </ActionDialog>
  );
}

const CATCH_UPS = [
  ["none", "None: continue with the next tick"],
  ["last", "The last one"],
  ["all", "All, within the limits of the schedule"],
] as const;
type CatchUp = (typeof CATCH_UPS)[number][0];

export function ResumeDialog({ schedule: { name }, onClose }: ScheduleDialogProps): JSX.Element {
  const [catchUp, setCatchUp] = useState<CatchUp>("none");
  const resume = async (): Promise<void> => {
    await client().resumeSchedule(name, { catchUp });
    notify(`The schedule ${name} is active again.`);
    refreshResources("schedule");
  };
  return (
    <ActionDialog title={`Resume ${name}?`} action="Resume schedule" scope="admin" onClose={onClose} act={resume}>
      <fieldset class="choices">
        <legend>Ticks of the pause that are made up now</legend>
        {CATCH_UPS.map(([value, text]) => (
          <label key={value} class="check">
            <input type="radio" name="catch-up" checked={catchUp === value} onChange={() => setCatchUp(value)} /> {text}
          </label>
        ))}
      </fieldset>
    </ActionDialog>
  );
}
