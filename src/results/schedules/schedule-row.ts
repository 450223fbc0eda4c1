/** The row of a schedule in Postgres. */
import type {
  CatchUpPolicy,
  RunKind,
  RunOutcome,
  RunReason,
  ScheduleRun,
  StoredSchedule,
} from "../../core/schedules/schedule.ts";

/** What select.sql counts ticks by. */
const HALF_HOUR_MS = 1_800_000;

/** A schedule with what only its owner needs: all columns of its row. */
export interface ScheduleRow extends StoredSchedule {
  /** The revision that Redis has; 0 for none. */
  readonly applied: number;
  /** The row of a removed schedule stays until Redis knows, and as long as there is a file. */
  readonly isRemoved: boolean;
  /** Whether no tick was left, at the last decision that Postgres knows. */
  readonly isEnded: boolean;
  /** Epoch ms: failures of jobs count for `pause_after_failures` if their tick was decided after it. */
  readonly failuresFrom: number;
}

/** A run as a row of `schedule_runs`, without its schedule. */
export interface RunRow {
  readonly tick: number;
  readonly at: number;
  readonly ticks: number;
  readonly version: number;
  readonly kind: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly job_id: string | null;
}

/** A row as select.sql returns it. */
export interface SelectedRow {
  readonly name: string;
  readonly id: string;
  readonly version: number;
  readonly revision: number;
  readonly applied: number;
  readonly is_removed: boolean;
  readonly is_ended: boolean;
  readonly fired: number;
  readonly late: number;
  readonly skipped: number;
  readonly missed: number;
  /** Half hours since 1970 → fired, late, skipped, missed. */
  readonly recent: Readonly<Record<string, readonly [number, number, number, number]>>;
  readonly definition: string;
  readonly file_definition: string | null;
  readonly api_key: string | null;
  readonly resume_catch_up: string | null;
  readonly pause_reason: string | null;
  readonly paused_by: string | null;
  readonly paused_at: number | null;
  readonly paused_until: number | null;
  readonly effective_from: number;
  readonly failures_from: number;
  readonly created_at: number;
  readonly updated_at: number;
  /** Of the last run; null without one, as the next columns are. */
  readonly tick: number | null;
  readonly at: number;
  readonly ticks: number;
  readonly run_version: number;
  readonly outcome: string;
  readonly reason: string | null;
  readonly job_id: string | null;
}

export function scheduleOf(row: SelectedRow): ScheduleRow {
  const { name, id, tick, run_version } = row;
  return {
    name,
    id,
    version: row.version,
    revision: row.revision,
    definition: row.definition,
    pause:
      row.paused_at === null
        ? null
        : { reason: row.pause_reason, until: row.paused_until, at: row.paused_at, by: row.paused_by },
    resumeCatchUp: row.resume_catch_up as CatchUpPolicy | null,
    fileDefinition: row.file_definition,
    apiKey: row.api_key,
    effectiveFrom: row.effective_from,
    lastRun: tick === null ? null : runOf({ name, id }, { ...row, tick, version: run_version, kind: "tick" }),
    counts: { fired: row.fired, late: row.late, skipped: row.skipped, missed: row.missed },
    recent: recentOf(row.recent),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    applied: row.applied,
    isRemoved: row.is_removed,
    isEnded: row.is_ended,
    failuresFrom: row.failures_from,
  };
}

/** Oldest first. */
function recentOf(halves: SelectedRow["recent"]): StoredSchedule["recent"] {
  return Object.entries(halves)
    .map(([half, [fired, late, skipped, missed]]) => ({
      from: Number(half) * HALF_HOUR_MS,
      counts: { fired, late, skipped, missed },
    }))
    .sort((a, b) => a.from - b.from);
}

export function runOf({ name, id }: Pick<StoredSchedule, "name" | "id">, row: RunRow): ScheduleRun {
  const { tick, at, ticks, version, kind, outcome, reason, job_id } = row;
  return {
    schedule: id,
    name,
    version,
    kind: kind as RunKind,
    tick,
    outcome: outcome as RunOutcome,
    reason: reason as RunReason | null,
    jobId: job_id,
    at,
    ticks,
  };
}

/** The parameters of write.sql. A text in Postgres has no NUL character. @param above a revision */
export function parametersOf(row: ScheduleRow, above: number): unknown[] {
  const { pause } = row;
  const { type, tags } = jobFacts(row.definition);
  return [
    row.name,
    row.id,
    row.version,
    row.definition,
    row.fileDefinition,
    type,
    tags,
    row.apiKey,
    row.resumeCatchUp,
    pause?.reason?.replaceAll("\0", "") ?? null,
    pause?.by?.replaceAll("\0", "") ?? null,
    pause?.at ?? null,
    pause?.until ?? null,
    row.effectiveFrom,
    row.failuresFrom,
    row.createdAt,
    row.updatedAt,
    row.isRemoved,
    row.isEnded,
    above,
  ];
}

/** What filters search: the type and tags of a definition's job. */
function jobFacts(definition: string): { readonly type: string; readonly tags: readonly string[] } {
  const { job } = JSON.parse(definition) as { job: { type: string; tags?: readonly string[] } };
  return { type: job.type, tags: job.tags ?? [] };
}
