/**
 * Compares the schedules in Redis with those in Postgres, and the ticks that Redis has decided with the history: each
 * schedule has a time when somebody looks at it, and each decided tick is in the history.
 */
import { at } from "../core/at.ts";
import type { ScheduleState } from "../core/schedules/schedule.ts";
import type { Audit, ScheduleInRedis } from "../queue/audit.ts";
import type { ScheduleRow } from "../results/schedules/schedule-row.ts";
import type { ScheduleStore } from "../results/schedules/schedule-store.ts";
import type { Inconsistencies } from "./inconsistency.ts";

/** A working replica looks within milliseconds; one that died delays this by two seconds. */
const OVERDUE_MS = 30_000;
const PAGE = 200;

export interface ScheduleCheckOptions {
  readonly audit: Pick<Audit, "schedules" | "schedulesNamed" | "pendingTicks" | "jobCounts">;
  readonly schedules: Pick<ScheduleStore, "page" | "named">;
}

export async function scheduleInconsistencies(options: ScheduleCheckOptions): Promise<Inconsistencies> {
  const found: Inconsistencies = new Map();
  const add = (kind: "schedule_stuck" | "schedule_differs" | "schedule_history", name: string, text: string): void => {
    found.set(`${kind} ${name}`, { kind, id: null, text: `the schedule ${name} ${text}` });
  };
  const { now } = await options.audit.jobCounts();
  for await (const copies of options.audit.schedules()) {
    const rows = await rowsOf(options, copies);
    const behind: string[] = [];
    for (const copy of copies) {
      const issue = lookIssue(copy, now);
      if (issue !== undefined) add("schedule_stuck", copy.name, issue);
      const row = rows.get(copy.name);
      if (row?.id !== copy.state.id) add("schedule_differs", copy.name, "is in Redis, and Postgres does not have it");
      else if (decidedTicks(copy.state) > decidedTicks(row)) behind.push(copy.name);
    }
    for (const { name, missing } of await holes(options, behind))
      add("schedule_history", name, `has decided ${missing} ticks that its history lacks`);
  }
  for await (const row of unknownRows(options))
    add("schedule_differs", row.name, `has revision ${row.revision} in Postgres, and Redis does not have it`);
  return found;
}

/** Why nobody will look at a schedule, although its time comes or has come. */
function lookIssue({ state, lookAt }: ScheduleInRedis, now: number): string | undefined {
  if (lookAt === null) return "has no entry in schedule_ticks: no replica looks at it";
  if (lookAt < now - OVERDUE_MS)
    return `should have been looked at ${Math.round((now - lookAt) / 1_000)} s ago, and no replica has done so`;
  const isWaited = state.pause === null ? state.next !== null || state.queued !== null : state.pause.until !== null;
  return isWaited && lookAt === Number.POSITIVE_INFINITY ? "has ticks left, and no replica will look at it" : undefined;
}

function decidedTicks({ counts }: Pick<ScheduleState, "counts">): number {
  return counts.fired + counts.late + counts.skipped + counts.missed;
}

async function rowsOf(
  { schedules }: ScheduleCheckOptions,
  copies: readonly Pick<ScheduleInRedis, "name">[],
): Promise<ReadonlyMap<string, ScheduleRow>> {
  const rows = copies.length === 0 ? [] : await schedules.named(copies.map(({ name }) => name));
  return new Map(rows.filter(({ isRemoved }) => !isRemoved).map((row) => [row.name, row]));
}

/**
 * The schedules with more decided ticks than Redis and Postgres have runs. In this order of reads a run that moves from
 * Redis to Postgres is counted at least once.
 */
async function holes(
  options: ScheduleCheckOptions,
  names: readonly string[],
): Promise<{ readonly name: string; readonly missing: number }[]> {
  if (names.length === 0) return [];
  const copies = await options.audit.schedulesNamed(names);
  const pending = await options.audit.pendingTicks();
  const rows = await rowsOf(options, copies);
  return copies.flatMap(({ name, state }) => {
    const row = rows.get(name);
    if (row?.id !== state.id) return [];
    const missing = decidedTicks(state) - decidedTicks(row) - (pending.get(state.id) ?? 0);
    return missing > 0 ? [{ name, missing }] : [];
  });
}

/** The schedules of Postgres that Redis does not have in this revision. */
async function* unknownRows({ audit, schedules }: ScheduleCheckOptions): AsyncGenerator<ScheduleRow> {
  let after: string | undefined;
  for (;;) {
    const rows = await schedules.page("all", PAGE, after);
    const copies = await audit.schedulesNamed(rows.map(({ name }) => name));
    const known = new Map(copies.map(({ name, state }) => [name, state]));
    for (const row of rows) {
      const state = known.get(row.name);
      if (!row.isRemoved && (state?.id !== row.id || state.revision < row.revision)) yield row;
    }
    if (rows.length < PAGE) return;
    after = at(rows, rows.length - 1).name;
  }
}
