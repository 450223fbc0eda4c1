/** Finds the time at which the last outcome of a load is committed. */
import { setTimeout as delay } from "node:timers/promises";
import type { Services } from "./services.ts";

/** If no row is committed for this long after the last submission, all rows are committed. */
const QUIET_MS = 1_000;
const GIVE_UP_MS = 60_000;
/**
 * Most jobs end soon after the last submission, so rows are counted often at first: long pauses would distort the time.
 */
const CLOSELY_MS = 500;
const LEAST_PAUSE_MS = 20;
/** After that, counting takes a tenth of the time, because it must not load the database. */
const PAUSE_FACTOR = 9;

export interface Committed {
  readonly rows: number;
  /** `performance.now()` before the query that counted the last row. */
  readonly at: number;
}

/**
 * Counts the rows of a table until there are at least `least` and their number no longer grows.
 * @throws {Error} if rows are still missing a minute after the last new row
 */
export async function lastCommitted(services: Services, table: string, least: number): Promise<Committed> {
  const startedAt = performance.now();
  let last: Committed = { rows: -1, at: startedAt };
  for (;;) {
    const askedAt = performance.now();
    const rows = await services.countRows(table);
    if (rows > last.rows) last = { rows, at: askedAt };
    const quietMs = askedAt - last.at;
    if (rows >= least && quietMs > QUIET_MS) return last;
    if (quietMs > GIVE_UP_MS) throw new Error(`${rows} of ${least} rows, and no new row for a minute`);
    const now = performance.now();
    await delay(
      now - startedAt < CLOSELY_MS ? LEAST_PAUSE_MS : Math.max(LEAST_PAUSE_MS, PAUSE_FACTOR * (now - askedAt)),
    );
  }
}
