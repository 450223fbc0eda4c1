/** Backfills: the interface between the job type `schedule_backfill` and the replica that runs it. */
import { Type } from "typebox";
import type { Acted } from "../reruns.ts";
import { parseTime } from "../rfc3339.ts";
import type { ValidationIssue } from "../schema-issues.ts";
import { DAY_MS } from "../time.ts";
import type { TickingSchedule } from "./decide.ts";
import type { StoredSchedule } from "./schedule.ts";

export const BACKFILL_TYPE = "schedule_backfill";

/** The ticks of one backfill. */
const MAX_BACKFILL = 100_000;
export const DEFAULT_BACKFILL = 1_000;
/** The longest range of one backfill: counting the ticks costs time for each change of the clock. */
export const MAX_RANGE_YEARS = 100;
const MAX_RANGE_MS = MAX_RANGE_YEARS * 366 * DAY_MS;
/** Jobs per second. */
export const DEFAULT_BACKFILL_RATE = 100;

/** The members of a backfill, in the call and in the payload of its job. */
export const backfillFields = {
  from: Type.String({ maxLength: 64, description: "RFC 3339: the first tick is at this time or later" }),
  to: Type.Optional(
    Type.String({ maxLength: 64, description: "RFC 3339, exclusive, not in the future. Default: now" }),
  ),
  rate: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: DEFAULT_BACKFILL_RATE,
      description: "The maximum number of jobs per second",
    }),
  ),
  max: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_BACKFILL,
      default: DEFAULT_BACKFILL,
      description: "A range with more ticks is rejected",
    }),
  ),
};

/** Epoch ms; `to` is exclusive. */
export interface BackfillRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Reads the times of a range. A time that is absent or not valid is NaN, which compares with nothing; `issues` has the
 * latter.
 * @param now epoch ms, the default of `to`
 */
export function readRange(
  { from, to }: { readonly from?: string | undefined; readonly to?: string | undefined },
  now: number,
): BackfillRange & { readonly issues: readonly ValidationIssue[] } {
  const issues: ValidationIssue[] = [];
  const read = (path: string, text: string): number => {
    const time = parseTime(text);
    if (time === undefined) issues.push({ path, message: "expected a time as in 2026-01-31T12:00:00Z (RFC 3339)" });
    return time ?? NaN;
  };
  const range = {
    from: from === undefined ? NaN : read("/from", from),
    to: to === undefined ? now : read("/to", to),
  };
  if (range.from >= range.to) issues.push({ path: "/from", message: "expected a time before to" });
  if (Number.isFinite(range.to) && isTooLong(range))
    issues.push({ path: "/from", message: `expected a time at most ${MAX_RANGE_YEARS} years before to` });
  return { ...range, issues };
}

export function isTooLong({ from, to }: BackfillRange): boolean {
  return to - from > MAX_RANGE_MS;
}

/** What a backfill needs to know of a schedule. */
export type BackfilledSchedule = Pick<StoredSchedule, "id" | "version" | "definition" | "createdAt">;

export interface Backfill {
  /** The id of the job that performs it. */
  readonly id: string;
  /** The maximum number of jobs per second. */
  readonly rate: number;
  /** The schedule as it was when the backfill started. */
  readonly schedule: Pick<StoredSchedule, "id" | "version"> & TickingSchedule;
}

export interface Submitted extends Acted {
  /** Why the job of a skipped tick is not valid; of the first such tick. */
  readonly invalid?: string | undefined;
}

/** Every call rejects while Redis or Postgres is unavailable. */
export interface Backfills {
  /** The schedule of this name; undefined if there is none. */
  find(name: string): Promise<BackfilledSchedule | undefined>;
  /**
   * Enqueues a job for each of these ticks, unless an earlier call for the same backfill did, as far as pace and quotas
   * allow, and adds the runs to the history. A tick whose job is not valid has a run without a job. Safe to repeat.
   * @param ticks epoch ms, ascending
   */
  submit(backfill: Backfill, ticks: readonly number[]): Promise<Submitted>;
}
