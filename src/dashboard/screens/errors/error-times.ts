/** The range of the screen in whole hours, by which the server counts errors. */
import type { Range } from "../../parts/range-times.ts";
import { STEP_MS } from "../../parts/range-times.ts";

/** RFC 3339. */
export interface ErrorTimes {
  readonly from: string;
  /** Exclusive; undefined: until now. */
  readonly to: string | undefined;
}

/** All hours that are partly in the range. A range with a preset ends now. */
export function errorTimes({ from, to, preset }: Pick<Range, "from" | "to" | "preset">): ErrorTimes {
  const end = preset === undefined ? hourText(Math.ceil(hoursOf(to))) : undefined;
  return { from: hourText(Math.floor(hoursOf(from))), to: end };
}

function hoursOf(time: string): number {
  return Date.parse(time) / STEP_MS.hour;
}

function hourText(hours: number): string {
  return new Date(hours * STEP_MS.hour).toISOString().replace(".000Z", "Z");
}
