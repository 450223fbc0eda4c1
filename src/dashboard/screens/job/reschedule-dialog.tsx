/** The dialog that changes when a job may start. */
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { JobPatch } from "../../../client/taskflow.ts";
import { ActionDialog } from "../../parts/action-dialog.tsx";
import { zone } from "../../parts/time.tsx";
import type { DelayUnit } from "../../parts/time-field.ts";
import { DELAY_UNITS, delayOfField, timeOfField } from "../../parts/time-field.ts";
import type { DialogProps } from "./job-dialogs.tsx";
import { change } from "./job-dialogs.tsx";

export function RescheduleDialog({ job, onClose }: DialogProps): JSX.Element {
  const [kind, setKind] = useState<"delay" | "time">("delay");
  const [amount, setAmount] = useState("10");
  const [unit, setUnit] = useState<DelayUnit>("minutes");
  const [time, setTime] = useState("");
  const patch = kind === "delay" ? delayPatch(amount, unit) : timePatch(time);
  const reason = kind === "delay" ? "Enter a whole number." : "Enter a date and a time.";
  return (
    <ActionDialog
      title="Reschedule the job"
      action="Reschedule"
      onClose={onClose}
      unavailable={patch ? undefined : reason}
      act={() => (patch ? change(job, patch, "Rescheduled.") : Promise.resolve())}
    >
      <fieldset class="choices">
        <legend class="off-screen">When it may start</legend>
        <Choice text="After a delay" isChosen={kind === "delay"} onChoose={() => setKind("delay")}>
          <input
            class="field"
            inputMode="numeric"
            aria-label="Delay"
            value={amount}
            onInput={({ currentTarget }) => setAmount(currentTarget.value.trim())}
          />
          <select
            aria-label="Unit of the delay"
            value={unit}
            onChange={({ currentTarget }) => setUnit(currentTarget.value as DelayUnit)}
          >
            {Object.keys(DELAY_UNITS).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </Choice>
        <Choice text="At a time" isChosen={kind === "time"} onChoose={() => setKind("time")}>
          <input
            class="field"
            type="datetime-local"
            aria-label="Time"
            value={time}
            onInput={({ currentTarget }) => setTime(currentTarget.value)}
          />
          <span class="muted nowrap">{zone.value === "utc" ? "UTC" : "local time"}</span>
        </Choice>
      </fieldset>
    </ActionDialog>
  );
}

function delayPatch(amount: string, unit: DelayUnit): JobPatch | undefined {
  const delayMs = delayOfField(amount, unit);
  return delayMs === undefined ? undefined : { delayMs };
}

function timePatch(time: string): JobPatch | undefined {
  const runAt = timeOfField(time, zone.value);
  return runAt === undefined ? undefined : { runAt };
}

interface ChoiceProps {
  readonly text: string;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
  readonly children: ComponentChildren;
}

/** The use of its fields chooses it. */
function Choice({ text, isChosen, onChoose, children }: ChoiceProps): JSX.Element {
  return (
    <>
      <label class="check">
        <input type="radio" name="kind" checked={isChosen} onChange={onChoose} /> {text}
      </label>
      <div class="choice-fields" onFocusIn={onChoose}>
        {children}
      </div>
    </>
  );
}
