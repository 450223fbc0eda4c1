/** Counts the decided ticks that Postgres may not have, while replicas add some and acknowledge others. */
import type { ScheduleRun } from "../core/schedules/schedule.ts";

const RUNS_PER_CALL = 1_000;

/** Reads a part of the list: both ends count from -1, the newest run. */
export type ReadRuns = (first: number, last: number) => Promise<readonly string[]>;

/** By the id of a schedule, how many ticks are pending. A run that is in the list meanwhile counts once. */
export async function countTicks(read: ReadRuns): Promise<Map<string, number>> {
  const pending = new Map<string, number>();
  for await (const runs of pagesOf(read)) {
    for (const text of runs) {
      const { schedule, kind, ticks } = JSON.parse(text) as ScheduleRun;
      if (kind === "tick") pending.set(schedule, (pending.get(schedule) ?? 0) + ticks);
    }
  }
  return pending;
}

/**
 * The list in pages, newest first: runs that are acknowledged meanwhile leave at its other end. Runs that are added move
 * the pages, so each page should contain the oldest run that is read already; one that does not contains newer runs only.
 */
async function* pagesOf(read: ReadRuns): AsyncGenerator<readonly string[]> {
  let oldest: string | undefined;
  for (let last = -1; ; ) {
    const page = await read(last - RUNS_PER_CALL, last);
    const end = oldest === undefined ? page.length : page.indexOf(oldest);
    if (page.length === 0 || end === 0) return;
    if (end === -1) {
      last -= page.length;
    } else {
      yield page.slice(0, end);
      oldest = page[0];
      last -= page.length - 1;
    }
  }
}
