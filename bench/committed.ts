/** When the last outcome of a load is committed. */
import { setTimeout as delay } from "node:timers/promises";
import type { Services } from "./services.ts";

/** Nothing was committed for so long after the last submission: that was all. */
const QUIET_MS = 1_000;
const GIVE_UP_MS = 60_000;
/** Counting takes a tenth of the time at most, so that it is not the load. */
const LEAST_PAUSE_MS = 20;

export interface Committed {
  readonly rows: number;
  /** `performance.now()` when the count that saw the last row was asked for. */
  readonly at: number;
}

/**
 * Watches a table until it holds at least `least` rows and grows no more.
 * @throws {Error} when rows are missing a minute after the last one came
 */
export async function lastCommitted(services: Services, table: string, least: number): Promise<Committed> {
  let last: Committed = { rows: -1, at: performance.now() };
  for (;;) {
    const askedAt = performance.now();
    const rows = await services.countRows(table);
    if (rows > last.rows) last = { rows, at: askedAt };
    const quietMs = askedAt - last.at;
    if (rows >= least && quietMs > QUIET_MS) return last;
    if (quietMs > GIVE_UP_MS) throw new Error(`${rows} of ${least} rows, and no more for a minute`);
    await delay(Math.max(LEAST_PAUSE_MS, 9 * (performance.now() - askedAt)));
  }
}
