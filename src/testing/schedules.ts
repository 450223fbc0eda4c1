/** States and copies of schedules for tests of the queue. */
import type { CopyChange, WorkingCopy } from "../core/schedules/copies.ts";
import type { ScheduleRun, ScheduleState } from "../core/schedules/schedule.ts";
import type { Audit } from "../queue/audit.ts";
import type { Advance, ScheduleJob, TakenSchedule } from "../queue/schedules.ts";
import { contradictions } from "../verify/counts-check.ts";

export function copyOf(name: string, changes: Partial<WorkingCopy> = {}): WorkingCopy {
  return {
    name,
    id: `id-of-${name}`,
    version: 1,
    revision: 1,
    definition: `{"every_ms":1000}`,
    apiKey: null,
    ...changes,
  };
}

export function stateOf({ id, version, revision }: WorkingCopy, changes: Partial<ScheduleState> = {}): ScheduleState {
  return {
    id,
    version,
    revision,
    decided: 0,
    next: 1_000,
    pause: null,
    resumed: null,
    last: null,
    queued: null,
    counts: { fired: 0, late: 0, skipped: 0, missed: 0 },
    ...changes,
  };
}

/** A new schedule that somebody must look at at `lookAt`. */
export function newSchedule(name: string, lookAt: number | null, changes: Partial<WorkingCopy> = {}): CopyChange {
  const copy = copyOf(name, changes);
  return { copy, before: undefined, state: stateOf(copy), lookAt };
}

export function runOf(copy: WorkingCopy, tick: number, changes: Partial<ScheduleRun> = {}): ScheduleRun {
  return {
    schedule: copy.id,
    name: copy.name,
    version: copy.version,
    kind: "tick",
    tick,
    outcome: "fired",
    reason: null,
    jobId: null,
    at: tick,
    ticks: 1,
    ...changes,
  };
}

/** The decision that fires one tick. */
export function firing(
  { copy, text, state }: TakenSchedule,
  tick: number,
  jobs: readonly ScheduleJob[],
  lookAt: number | null = tick + 3_600_000,
): Advance {
  const jobId = jobs[0]?.id ?? null;
  return {
    name: copy.name,
    before: text,
    state: { ...state, decided: tick, next: lookAt, last: jobId === null ? state.last : { tick, jobId } },
    lookAt,
    runs: [runOf(copy, tick, { jobId })],
    jobs: jobs.map((job) => ({ ...job, isHeld: job.submission.options.durability === "postgres" })),
  };
}

/** What the counters of the jobs contradict. */
export async function contradictionsOf(audit: Audit): Promise<string[]> {
  return [...contradictions(await audit.jobCounts()).values()].map(({ text }) => text);
}
