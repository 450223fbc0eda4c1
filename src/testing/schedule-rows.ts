/** Rows of schedules, and of their runs, for tests of the store. */
import { randomUUID } from "node:crypto";
import type { ScheduleRun } from "../core/schedules/schedule.ts";
import { withDefinition } from "../results/schedules/changes.ts";
import type { ScheduleRow } from "../results/schedules/schedule-row.ts";
import type { ScheduleStore } from "../results/schedules/schedule-store.ts";

/** When the schedules of a test are put. */
export const NOW = Date.now();

export function definition(everyMs: number, job: object = { type: "noop", payload: {} }): string {
  return JSON.stringify({ every_ms: everyMs, offset_ms: 0, job });
}

export async function put(store: ScheduleStore, name: string, text: string): Promise<ScheduleRow> {
  const row = await store.change(name, (before) =>
    withDefinition(before, text, { apiKey: "key" }, { name, id: randomUUID(), now: NOW }),
  );
  if (!row) throw new Error("not put");
  return row;
}

export function run(schedule: ScheduleRow, tick: number, changes: Partial<ScheduleRun> = {}): ScheduleRun {
  const { id, name, version } = schedule;
  return {
    schedule: id,
    name,
    version,
    kind: "tick",
    tick,
    outcome: "fired",
    reason: null,
    jobId: randomUUID(),
    at: tick + 3,
    ticks: 1,
    ...changes,
  };
}
