/** The outcome of a tick, by a word, a shape and a colour. */
import type { JSX } from "preact";
import { Shape } from "../../parts/shape.tsx";
import type { Outcome } from "./strip-cells.ts";

/** The class of a job's status that has the colour, and a path in a box of 12 × 12. */
const LOOKS: Readonly<Record<Outcome, readonly [status: string, path: string]>> = {
  fired: ["completed", "M2.5 6.3l2.4 2.4 4.6-5"],
  late: ["scheduled", "M6 1.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 0 1 0-9zM6 3.5V6l1.8 1.2"],
  skipped: ["retrying", "M2.5 3l3.5 3-3.5 3M9 3v6"],
  missed: ["failed", "M3 3l6 6M9 3l-6 6"],
};

export function OutcomeMark({ value, ticks = 1 }: { readonly value: Outcome; readonly ticks?: number }): JSX.Element {
  const [status, path] = LOOKS[value];
  return (
    <span class={`status status-${status}`}>
      <Shape path={path} />
      {value}
      {ticks > 1 ? ` × ${ticks.toLocaleString("en-US")}` : ""}
    </span>
  );
}

type State = "active" | "paused" | "ended";

const STATES: Readonly<Record<State, readonly [status: string, path: string]>> = {
  active: ["completed", "M4 2.5v7l5.5-3.5z"],
  paused: ["retrying", "M4 2.5v7M8 2.5v7"],
  ended: ["cancelled", "M3 3h6v6H3z"],
};

export function ScheduleState({ value }: { readonly value: State }): JSX.Element {
  const [status, path] = STATES[value];
  return (
    <span class={`status status-${status}`}>
      <Shape path={path} />
      {value}
    </span>
  );
}
