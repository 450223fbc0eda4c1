/** A schedule whose ticks are decided. */
import type { TickingSchedule } from "../../core/schedules/decide.ts";
import type { ScheduleDefinition } from "../../core/schedules/schedule.ts";
import type { StateFacts } from "../../core/schedules/state.ts";
import { ticksOfSchedule } from "../../core/schedules/timing.ts";

export const MINUTE = 60_000;
export const START = Date.UTC(2026, 0, 1);

export const STORED: StateFacts = {
  id: "0192b3c4-0000-7000-8000-000000000000",
  version: 3,
  revision: 5,
  pause: null,
  resumeCatchUp: null,
  effectiveFrom: START,
  lastRun: null,
};

/** A tick each minute. */
export function definitionWith(changes: Partial<ScheduleDefinition> = {}): ScheduleDefinition {
  return {
    timing: { kind: "every", everyMs: MINUTE, offsetMs: 0 },
    timeZone: "UTC",
    overlap: "skip",
    catchUp: { policy: "last", withinMs: null, max: 100 },
    jitterMs: 0,
    startAt: null,
    endAt: null,
    maxRuns: null,
    pauseAfterFailures: null,
    job: "{}",
    description: null,
    ...changes,
  };
}

export function scheduleWith(changes: Partial<ScheduleDefinition> = {}): TickingSchedule {
  const definition = definitionWith(changes);
  return { name: "a", definition, ticks: ticksOfSchedule(definition, "a") };
}

/** The text of a definition. All missed ticks are made up, three at most. */
export function definitionText(everyMs: number, changes: object = {}): string {
  return JSON.stringify({
    every_ms: everyMs,
    offset_ms: 0,
    time_zone: "UTC",
    overlap: "allow",
    catch_up: { policy: "all", within_ms: null, max: 3 },
    jitter_ms: 0,
    start_at: null,
    end_at: null,
    max_runs: null,
    pause_after_failures: null,
    job: { type: "noop", payload: {} },
    description: null,
    ...changes,
  });
}
