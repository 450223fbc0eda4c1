/**
 * Keeps the history small.
 *
 *   job_series ──the minute has ended──▶ job_series_merged: minute, 30 days
 *   (by writer)                                             hour and day, two years
 *
 * Each transaction moves counts or replaces minutes by their hours, so that no reader sees a count twice or not at all.
 * The counts of a late batch take the same way: they are added to what is merged already.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../core/time.ts";
import { agreedPostgresTime } from "../../postgres/clock.ts";
import { type Leader, runAsLeader } from "../../postgres/leader.ts";
import { readSql } from "../../postgres/sql.ts";

const MERGE_SERIES = readSql(new URL("./merge-series.sql", import.meta.url));
const FOLD_MINUTES = readSql(new URL("./fold-minutes.sql", import.meta.url));
const EXPIRE_SERIES = readSql(new URL("./expire-series.sql", import.meta.url));
const MERGE_ERRORS = readSql(new URL("./merge-errors.sql", import.meta.url));
const EXPIRE_VERSIONS = readSql(new URL("./expire-versions.sql", import.meta.url));
const EXPIRE_SAMPLES = readSql(new URL("./expire-samples.sql", import.meta.url));
const EXPIRE_ERRORS = readSql(new URL("./expire-errors.sql", import.meta.url));

export const MINUTES_KEPT_MS = 30 * DAY_MS;
export const HOURS_KEPT_MS = 2 * 365 * DAY_MS;
/** A recorder adds to a minute for a moment longer; later counts are merged by the next run. */
const SETTLED_MS = MINUTE_MS;

/**
 * Merges what has ended, and removes what is past its time. Only one replica at a time does this.
 * @param retentionDays how long error groups are kept
 * @param ownMs epoch ms, by this machine's clock
 * @throws ClocksDiffer if that is not the time of Postgres; pg's error if Postgres is away, or `signal` aborted the
 * call
 */
export async function compactHistory(
  databaseUrl: string,
  retentionDays: number,
  ownMs: number,
  signal?: AbortSignal,
): Promise<void> {
  await runAsLeader({ databaseUrl, name: "history", signal }, async (leader) => {
    const now = await leader.use((client) => agreedPostgresTime(client, ownMs));
    await compactAt(leader, now, retentionDays);
  });
}

/** @param now epoch ms: {@link compactHistory} as of this time */
export async function compactAt(leader: Leader, now: number, retentionDays: number): Promise<void> {
  // A late batch adds to minutes that their hours have replaced: merging and folding are one transaction.
  const mergeSeries = async (): Promise<number> =>
    (await leader.step(async (client) => {
      const { rows } = await client.query<{ moved: number }>(MERGE_SERIES, [now - SETTLED_MS]);
      await client.query(FOLD_MINUTES, [now - MINUTES_KEPT_MS]);
      return rows[0]?.moved;
    })) ?? 0;
  const mergeErrors = async (): Promise<number> =>
    (await leader.step(async (client) => {
      const { rows } = await client.query<{ moved: number }>(MERGE_ERRORS, [now - SETTLED_MS]);
      return rows[0]?.moved;
    })) ?? 0;
  while ((await mergeSeries()) > 0);
  while ((await mergeErrors()) > 0);
  await leader.step(async (client) => {
    await client.query(EXPIRE_SERIES, [now - HOURS_KEPT_MS]);
    await client.query(EXPIRE_VERSIONS, [now - HOURS_KEPT_MS]);
    await client.query(EXPIRE_SAMPLES, [now - MINUTES_KEPT_MS]);
    await client.query(EXPIRE_ERRORS, [now - retentionDays * DAY_MS - HOUR_MS]);
  });
}
