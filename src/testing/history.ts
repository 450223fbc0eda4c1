/** A migrated database with its history: recorders, reads, compaction as of a given time. */
import pg from "pg";
import { afterEach } from "vitest";
import type { Outcome } from "../core/job.ts";
import { DAY_MS } from "../core/time.ts";
import { Leader } from "../postgres/leader.ts";
import { compactAt } from "../results/history/compaction.ts";
import { HistoryReader } from "../results/history/history-reader.ts";
import { migrate } from "../results/migrate.ts";
import { Recorder } from "../results/recorder/recorder.ts";
import { StoredJobs } from "../results/stored-jobs.ts";
import { outcomeWith } from "./outcomes.ts";
import { freshDatabase } from "./services.ts";
import { smallPayloads } from "./small-payloads.ts";

/** Closed after the test, the last first. */
export const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
export const ALWAYS = { from: 0, to: 4e12, types: undefined };
/** Noon of today. */
export const NOW = Math.floor(Date.now() / DAY_MS) * DAY_MS + DAY_MS / 2;

export function recorderOn(databaseUrl: string, maxRows = 100) {
  const recorder = new Recorder({
    ...smallPayloads,
    databaseUrl,
    maxRows,
    highMark: 10_000,
    lowMark: 100,
    onRecorded: () => Promise.resolve(),
    log: silent,
  });
  open.push({ close: () => recorder.close(0) });
  return recorder;
}

export async function historySetup() {
  const { url } = await freshDatabase();
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const reader = new HistoryReader(url);
  const stored = new StoredJobs(url);
  await stored.open();
  const leader = new Leader({ databaseUrl: url, name: "history", timeoutMs: 60_000 });
  open.push({ close: () => client.end() }, reader, stored, leader);
  const compact = (now = NOW) => compactAt(leader, now, 30);
  const record = async (batch: readonly Outcome[], recorder = recorderOn(url)) => {
    recorder.add(batch);
    await recorder.idle();
  };
  return { url, client, reader, stored, compact, record };
}
export type HistoryBundle = Awaited<ReturnType<typeof historySetup>>;

export const failed = (message: string, fields: Partial<Outcome> = {}): Outcome =>
  outcomeWith({ status: "failed", result: null, error: { code: "permanent", message, attempt: 1 }, ...fields });
