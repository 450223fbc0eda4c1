/** How the row of a schedule changes. Times are epoch ms, Redis's. */
import type { CatchUpPolicy, SchedulePause } from "../../core/schedules/schedule.ts";
import type { PutOptions } from "../../core/schedules/schedules.ts";
import type { ScheduleRow } from "./schedule-row.ts";

export interface ChangeOptions {
  readonly name: string;
  readonly now: number;
  /** The id of a schedule that the change creates. */
  readonly id: string;
}

/** The members of a definition that decide when it has ticks, and how many. */
const TIMING = ["cron", "time_zone", "every_ms", "offset_ms", "times", "start_at", "end_at", "max_runs"] as const;

/** A pause with an end is over when its time has come. */
export function isPaused({ pause }: Pick<ScheduleRow, "pause">, now: number): boolean {
  return pause !== null && (pause.until === null || pause.until > now);
}

/** @returns the new row; the row itself if it has this definition already; undefined: a condition does not hold */
export function withDefinition(
  row: ScheduleRow | undefined,
  definition: string,
  conditions: PutOptions,
  options: ChangeOptions,
): ScheduleRow | undefined {
  const { ifMatch, ifNoneMatch, apiKey } = conditions;
  const existing = row?.isRemoved === true ? undefined : row;
  if (existing ? ifNoneMatch === true : ifMatch !== undefined) return undefined;
  if (existing && ifMatch !== undefined && ifMatch !== existing.version) return undefined;
  if (existing?.definition === definition) return existing;
  return existing
    ? replaced(existing, definition, apiKey, options.now)
    : created(definition, { ...options, apiKey, fileDefinition: row?.fileDefinition ?? null });
}

/** Applies the definition of a file: nothing changes while the file does not change. @returns as {@link withDefinition} */
export function withFile(row: ScheduleRow | undefined, definition: string, options: ChangeOptions): ScheduleRow {
  if (row?.fileDefinition === definition) return row;
  if (!row || row.isRemoved) return created(definition, { ...options, apiKey: null, fileDefinition: definition });
  const changed = row.definition === definition ? row : replaced(row, definition, null, options.now);
  return { ...changed, fileDefinition: definition };
}

/** @returns undefined if there is neither the schedule nor a file of it; `no_file` if it has no file */
export function reverted(row: ScheduleRow | undefined, options: ChangeOptions): ScheduleRow | "no_file" | undefined {
  const definition = row?.fileDefinition ?? null;
  if (!row || definition === null) return row?.isRemoved === false ? "no_file" : undefined;
  if (row.isRemoved) return created(definition, { ...options, apiKey: null, fileDefinition: definition });
  return row.definition === definition ? row : replaced(row, definition, null, options.now);
}

export function removed(row: ScheduleRow, now: number): ScheduleRow {
  return { ...row, isRemoved: true, pause: null, updatedAt: now };
}

/** A schedule that pauses itself does not replace somebody's pause. */
export function paused(row: ScheduleRow, pause: SchedulePause, now: number): ScheduleRow {
  const earlier = isPaused(row, now) ? row.pause : null;
  if (earlier && pause.by === "failures") return row;
  return { ...row, pause: { ...pause, at: earlier?.at ?? pause.at }, resumeCatchUp: null, updatedAt: now };
}

/** The row keeps the pause, with its end: a state that is made anew must not take its ticks for missed ones. */
export function resumed(row: ScheduleRow, catchUp: CatchUpPolicy, now: number): ScheduleRow {
  if (!isPaused(row, now)) return row;
  return {
    ...row,
    pause: row.pause && { ...row.pause, until: now },
    resumeCatchUp: catchUp,
    failuresFrom: now,
    updatedAt: now,
  };
}

function created(
  definition: string,
  {
    name,
    id,
    now,
    apiKey,
    fileDefinition,
  }: ChangeOptions & { readonly apiKey: string | null; readonly fileDefinition: string | null },
): ScheduleRow {
  return {
    name,
    id,
    version: 1,
    revision: 0,
    definition,
    pause: null,
    resumeCatchUp: null,
    fileDefinition,
    apiKey,
    effectiveFrom: now,
    lastRun: null,
    counts: { fired: 0, late: 0, skipped: 0, missed: 0 },
    recent: [],
    createdAt: now,
    updatedAt: now,
    applied: 0,
    isRemoved: false,
    isEnded: false,
    failuresFrom: now,
  };
}

function replaced(row: ScheduleRow, definition: string, apiKey: string | null, now: number): ScheduleRow {
  const hasNewTiming = timingOf(row.definition) !== timingOf(definition);
  return {
    ...row,
    definition,
    apiKey,
    version: row.version + 1,
    failuresFrom: now,
    effectiveFrom: hasNewTiming ? Math.max(now, row.effectiveFrom) : row.effectiveFrom,
    updatedAt: now,
  };
}

function timingOf(definition: string): string {
  const members = JSON.parse(definition) as Readonly<Record<string, unknown>>;
  return JSON.stringify(TIMING.map((name) => members[name] ?? null));
}
