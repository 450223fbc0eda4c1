/** Submits the jobs of past ticks: counted first, run on the server by a job. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { randomKey } from "../../../client/call-options.ts";
import { href } from "../../app/router.ts";
import { useResource } from "../../data/resource.ts";
import { client } from "../../data/session.ts";
import { ActionDialog } from "../../parts/action-dialog.tsx";
import { isBetween, NumberField } from "../../parts/bulk-dialog.tsx";
import { countOf } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { zone } from "../../parts/time.tsx";
import { timeOfField } from "../../parts/time-field.ts";
import { ErrorText, notify } from "../../parts/toasts.tsx";
import type { ScheduleDialogProps } from "./pause-dialogs.tsx";

/** What `max` allows at most. */
const MAX_TICKS = 100_000;

export function BackfillDialog({ schedule: { name }, onClose }: ScheduleDialogProps): JSX.Element {
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [rate, setRate] = useState("100");
  const range = rangeOf(from, to);
  const key = JSON.stringify(range);
  // one key for one backfill: pressing again after a lost answer does not start a second job
  const idempotencyKey = useMemo(randomKey, [key, rate]);
  const counting = useMemo(randomKey, []);
  const count = useResource(`backfill ${counting} ${key}`, (api, signal) =>
    "issue" in range
      ? Promise.resolve(undefined)
      : api.backfillSchedule(name, { ...range, max: MAX_TICKS, dryRun: true, signal }),
  );
  const matched = "issue" in range ? undefined : count.data?.matched;
  const backfill = async (): Promise<void> => {
    if ("issue" in range) return;
    const options = { ...range, max: MAX_TICKS, rate: Number(rate), idempotencyKey };
    const { id } = await client().backfillSchedule(name, options);
    notify(
      <>
        The backfill runs on the server. <Link to={href(["jobs", id])}>Open its job</Link>
      </>,
    );
  };
  return (
    <ActionDialog
      title={`Backfill ${name}`}
      action={matched === undefined ? "Submit jobs" : `Submit ${countOf(matched, "job")}`}
      scope="admin"
      unavailable={"issue" in range ? range.issue : problemOf(matched, rate)}
      onClose={onClose}
      act={backfill}
    >
      <p>One job for each tick of a past range, the oldest first. Ticks that had a job get another one.</p>
      <TimeField label="From" value={from} onChange={setFrom} />
      <TimeField label="To, empty: now" value={to} onChange={setTo} />
      <NumberField label="Jobs per second" value={rate} range={[1, 10_000]} onChange={setRate} />
      <p class="backfill-count" role="status">
        {"issue" in range ? (
          <span class="muted">{range.issue}</span>
        ) : count.error ? (
          <span class="error-text">
            <ErrorText error={count.error} />
          </span>
        ) : matched === undefined ? (
          <span class="muted">Counting the ticks…</span>
        ) : (
          `${countOf(matched, "tick")} in this range.`
        )}
      </p>
    </ActionDialog>
  );
}

type Range = { readonly issue: string } | { readonly from: string; readonly to?: string };

function rangeOf(from: string, to: string): Range {
  const [start, end] = [timeOfField(from, zone.value), timeOfField(to, zone.value)];
  if (start === undefined) return { issue: "Enter the beginning of the range." };
  if (Date.parse(start) >= Date.now()) return { issue: "The range must begin in the past." };
  if (end !== undefined && end <= start) return { issue: "The range must end after its beginning." };
  return end === undefined ? { from: start } : { from: start, to: end };
}

function problemOf(matched: number | undefined, rate: string): string | undefined {
  if (matched === undefined) return "The ticks are not counted yet.";
  if (matched === 0) return "The range has no ticks.";
  return isBetween(rate, 1, 10_000) ? undefined : "The rate must be a whole number from 1 to 10,000.";
}

interface TimeFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function TimeField({ label, value, onChange }: TimeFieldProps): JSX.Element {
  return (
    <label>
      {label} ({zone.value === "utc" ? "UTC" : "local time"})
      <input
        class="field"
        type="datetime-local"
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    </label>
  );
}
