/** The range of time of a screen, which the URL has, and its picker. */
import { computed } from "@preact/signals";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { route, setQuery } from "../app/router.ts";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import type { Preset, Range, RangeTimes } from "./range-times.ts";
import { movingTimes, PRESETS, queryOfRange, rangeOf, STEP_MS } from "./range-times.ts";
import { clockText, dayText, now, zone } from "./time.tsx";

export interface ShownRange extends Range {
  /** `last 6 hours`, or both times. */
  readonly text: string;
  /** The times at the moment of the call, for the load of a resource: its key stays the same while the range moves. */
  readonly current: () => RangeTimes;
}

const PRESET_TEXTS: Readonly<Record<Preset, readonly [short: string, long: string]>> = {
  "1h": ["1 h", "last hour"],
  "6h": ["6 h", "last 6 hours"],
  "24h": ["24 h", "last 24 hours"],
  "7d": ["7 d", "last 7 days"],
};

const minute = computed(() => Math.floor(now.value / STEP_MS.minute));

/** The range of the URL. Use `key` in the keys of resources, and `current()` in their loads. */
export function useRange(otherwise: Preset = "1h"): ShownRange {
  const range = rangeOf(route().query, minute.value * STEP_MS.minute, otherwise);
  const { preset, from, to, step } = range;
  return {
    ...range,
    text: preset === undefined ? fixedText(range) : PRESET_TEXTS[preset][1],
    current: () => (preset === undefined ? { from, to, step } : movingTimes(preset, Date.now())),
  };
}

/** Shows a fixed range, as after brushing a chart; Back returns to the one before. @param from epoch ms */
export function brushRange(from: number, to: number): void {
  setQuery({ range: null, ...queryOfRange(from, to) }, { push: true });
}

function fixedText({ from, to }: RangeTimes): string {
  const [start, end] = [Date.parse(from), Date.parse(to)];
  const short = (at: number): string => clockText(at).slice(0, 5);
  const day = dayText(start);
  return day === dayText(end)
    ? `${day} ${short(start)} – ${short(end)}`
    : `${day} ${short(start)} – ${dayText(end)} ${short(end)}`;
}

export function RangePicker({ otherwise = "1h" }: { readonly otherwise?: Preset }): JSX.Element {
  const range = useRange(otherwise);
  const [isOpen, setOpen] = useState(false);
  return (
    <div class="range" role="group" aria-label="Time range">
      {PRESETS.map((preset) => (
        <Button
          key={preset}
          kind="quiet"
          title={PRESET_TEXTS[preset][1]}
          isPressed={range.preset === preset}
          onPress={() => setQuery({ range: preset, from: null, to: null }, { push: true })}
        >
          {PRESET_TEXTS[preset][0]}
        </Button>
      ))}
      <Button kind="quiet" isPressed={range.preset === undefined} onPress={() => setOpen(true)}>
        {range.preset === undefined ? range.text : "Custom…"}
      </Button>
      {isOpen ? <RangeDialog range={range} onClose={() => setOpen(false)} /> : null}
    </div>
  );
}

/** What brushing a chart does, for the keyboard. */
function RangeDialog({ range, onClose }: { readonly range: Range; readonly onClose: () => void }): JSX.Element {
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const [from, to] = [timeOfField(form.get("from")), timeOfField(form.get("to"))];
    if (Number.isNaN(from) || Number.isNaN(to)) setProblem("Enter both times.");
    else if (from >= to) setProblem("The end must be after the start.");
    else {
      onClose();
      brushRange(from, to);
    }
  };
  return (
    <Dialog title="Time range" onClose={onClose}>
      <form class="range-form" onSubmit={onSubmit} noValidate>
        {(["from", "to"] as const).map((name) => (
          <label key={name}>
            {name === "from" ? "From" : "To"} ({zone.value === "utc" ? "UTC" : "local time"})
            <input
              class="field"
              type="datetime-local"
              name={name}
              defaultValue={fieldText(range[name])}
              aria-describedby="range-problem"
              autofocus={name === "from"}
            />
          </label>
        ))}
        <p id="range-problem" class="error-text" role="alert">
          {problem}
        </p>
        <div class="actions">
          <Button onPress={onClose}>Close</Button>
          <button type="submit" class="button primary">
            Show
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function fieldText(time: string): string {
  const at = Date.parse(time);
  return `${dayText(at)}T${clockText(at).slice(0, 5)}`;
}

/** NaN for an empty field. */
function timeOfField(value: FormDataEntryValue | null): number {
  return typeof value === "string" ? Date.parse(zone.value === "utc" ? `${value}Z` : value) : Number.NaN;
}
