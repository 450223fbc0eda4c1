/** Erases the contents of finished jobs; their rows remain. */
import type pg from "pg";
import type { AttemptRecord, JobError, JobOptions } from "../core/job.ts";
import { readSql } from "../postgres/sql.ts";
import { removeExamples } from "./history/examples.ts";

const READ = readSql(new URL("./erase-read.sql", import.meta.url));
const ROWS = readSql(new URL("./erase-rows.sql", import.meta.url));
/** Statements that remove copies of the contents from other tables: of $1 ids, $2 the lowest of them, $3 the highest. */
const COPIES = [readSql(new URL("./erase-accepted.sql", import.meta.url))];
/** Jobs whose records are in memory together: the logs of one may have several hundred KiB. */
const SLICE = 100;

interface ContentsRow {
  readonly id: string;
  readonly error: string | null;
  readonly attempts: string | null;
  readonly options: string | null;
  readonly isErased: boolean;
}

/**
 * Erases in the caller's transaction. A job that was erased before keeps its first time.
 * @param at epoch ms
 * @returns the ids that have a row
 */
export async function eraseRows(client: pg.ClientBase, ids: readonly string[], at: number): Promise<string[]> {
  const sorted = [...new Set(ids)].sort();
  const found: string[] = [];
  for (let start = 0; start < sorted.length; start += SLICE) {
    const slice = sorted.slice(start, start + SLICE);
    const { rows } = await client.query<ContentsRow>(READ, bounded(slice));
    if (rows.length === 0) continue;
    const present = rows.map(({ id }) => id);
    found.push(...present);
    const whole = rows.filter(({ isErased }) => !isErased);
    if (whole.length > 0) {
      await client.query(ROWS, [
        ...bounded(whole.map(({ id }) => id)),
        whole.map(({ error }) => error && erasedError(error)),
        whole.map(({ attempts }) => attempts && erasedAttempts(attempts)),
        whole.map(({ options }) => options && erasedOptions(options)),
        at,
      ]);
    }
    for (const copies of COPIES) await client.query(copies, bounded(present));
    await removeExamples(client, present);
  }
  return found;
}

/** Ids, and the bounds that limit a query to their partitions. @param ids sorted, not empty */
function bounded(ids: readonly string[]): [readonly string[], string | undefined, string | undefined] {
  return [ids, ids[0], ids.at(-1)];
}

function withoutMessage({ code, attempt }: JobError): JobError {
  return { code, message: "", attempt };
}

function erasedError(json: string): string {
  return JSON.stringify(withoutMessage(JSON.parse(json) as JobError));
}

function erasedAttempts(json: string): string {
  return JSON.stringify((JSON.parse(json) as AttemptRecord[]).map(withoutContents));
}

/** Names the fields to keep, so that a later one is erased unless it is added here. */
function withoutContents(record: AttemptRecord): AttemptRecord {
  const { attempt, outcome, worker, started_at, finished_at, thread, next_at, waits_for_turn, error } = record;
  return {
    attempt,
    outcome,
    worker,
    started_at,
    finished_at,
    ...(thread !== undefined && { thread }),
    ...(error !== undefined && { error: withoutMessage(error) }),
    ...(next_at !== undefined && { next_at }),
    ...(waits_for_turn && { waits_for_turn }),
  };
}

function erasedOptions(json: string): string | null {
  const { expires_at, api_key, schedule, flow } = JSON.parse(json) as JobOptions;
  const kept = expires_at ?? api_key ?? schedule ?? flow;
  return kept === undefined ? null : JSON.stringify({ expires_at, api_key, schedule, flow });
}
