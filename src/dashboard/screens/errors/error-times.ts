/** The range of the screen in whole hours, by which the server counts errors. */
import type { RangeTimes } from "../../parts/range-times.ts";
import { STEP_MS } from "../../parts/range-times.ts";

/** RFC 3339. */
export interface ErrorTimes {
  readonly from: string;
  /** Exclusive; undefined: until now. */
  readonly to: string | undefined;
}

/** All hours that are partly in the range. @param isMoving whether the range ends now */
export function errorTimes({ from, to }: RangeTimes, isMoving: boolean): ErrorTimes {
  return { from: hourText(Math.floor(hoursOf(from))), to: isMoving ? undefined : hourText(Math.ceil(hoursOf(to))) };
}

function hoursOf(time: string): number {
  return Date.parse(time) / STEP_MS.hour;
}

function hourText(hours: number): string {
  return new Date(hours * STEP_MS.hour).toISOString().replace(".000Z", "Z");
}
