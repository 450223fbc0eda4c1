/** The state of a schedule that is new to Redis, or that has changed in Postgres. */
import type { TickingSchedule } from "./decide.ts";
import type { RunOutcome, ScheduleState, StoredSchedule } from "./schedule.ts";

/** What a state takes from Postgres. */
export type StateFacts = Pick<
  StoredSchedule,
  "id" | "version" | "revision" | "pause" | "resumeCatchUp" | "effectiveFrom" | "lastRun"
>;

/** What the history in Postgres says about a schedule that Redis has lost. */
export interface PastRuns {
  readonly last: ScheduleState["last"];
  readonly counts: ScheduleState["counts"];
}

const NO_RUNS: PastRuns = { last: null, counts: { fired: 0, late: 0, skipped: 0, missed: 0 } };

/**
 * The state of a schedule that Redis does not have: its ticks after the last recorded one are open, so `catch_up` judges
 * those that were missed while Redis had no schedules.
 */
export function firstState(schedule: TickingSchedule, stored: StateFacts, past: PastRuns = NO_RUNS): ScheduleState {
  const { id, version, revision, pause, effectiveFrom, lastRun } = stored;
  const decided = Math.max(effectiveFrom, lastRun?.tick ?? effectiveFrom);
  const { last, counts } = past;
  const next = nextTick(schedule, decided, counts);
  return { id, version, revision, decided, next, pause, resumed: null, last, queued: null, counts };
}

/**
 * The state of a schedule after a change in Postgres. A new timing counts from `effectiveFrom`, a new payload from the
 * next tick. The end of a pause leaves its ticks to the next decision.
 * @param now epoch ms, Redis's
 */
export function changedState(
  schedule: TickingSchedule,
  state: ScheduleState,
  stored: StateFacts,
  now: number,
): ScheduleState {
  if (state.id !== stored.id) return firstState(schedule, stored);
  const { version, revision, pause } = stored;
  const decided = Math.max(state.decided, stored.effectiveFrom);
  const isResumed = state.pause !== null && pause === null;
  return {
    ...state,
    version,
    revision,
    decided,
    next: nextTick(schedule, decided, state.counts),
    pause,
    resumed: isResumed ? { at: now, catchUp: stored.resumeCatchUp ?? "none" } : pause ? null : state.resumed,
  };
}

function nextTick(
  { definition, ticks }: TickingSchedule,
  decided: number,
  { fired, late }: Readonly<Record<RunOutcome, number>>,
): number | null {
  const isUsedUp = definition.maxRuns !== null && fired + late >= definition.maxRuns;
  return isUsedUp ? null : (ticks.next(decided) ?? null);
}

/** Whether no tick is left. */
export function isEnded({ next, queued }: Pick<ScheduleState, "next" | "queued">): boolean {
  return next === null && queued === null;
}
