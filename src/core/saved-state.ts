/**
 * The state that a handler saves while it runs (`AttemptContext.save`), as Redis stores it: a line among the job's
 * records. It has the form of a record, so that a version which does not know it can read the job. A job has one such
 * line at most; save.lua replaces it and puts it last.
 */
import { at as elementAt } from "./at.ts";
import type { AttemptRecord, Job } from "./job.ts";

/** No other record begins with this; save.lua searches for it. */
const SAVED = `{"saved":true,`;

/** The longest state, in characters of JSON: it travels with the job. */
export const MAX_STATE_LENGTH = 16 * 1024;

/** @param state JSON @param savedAt epoch ms */
export function savedLine(
  { attempt, worker, startedAt }: Pick<Job, "attempt" | "worker" | "startedAt">,
  state: string,
  savedAt: number,
): string {
  const record: AttemptRecord = {
    attempt,
    outcome: "released",
    worker,
    started_at: startedAt,
    finished_at: savedAt,
    state,
  };
  return SAVED + JSON.stringify(record).slice(1);
}

/** A job whose saved state is taken out of its records. */
export function withSavedState(job: Job): Job {
  const at = job.history.findIndex((line) => line.startsWith(SAVED));
  if (at === -1) return job;
  const { state } = JSON.parse(elementAt(job.history, at)) as AttemptRecord;
  const isReplaced = stateOfRecords(job.history.slice(at + 1)) !== undefined;
  return {
    ...job,
    history: job.history.filter((_, i) => i !== at),
    ...(state !== undefined && !isReplaced && { saved: state }),
  };
}

/**
 * The state that earlier attempts left for the next one: the saved state, or that of a later error. A crashed attempt
 * hides neither.
 */
export function stateLeft({ history, saved }: Pick<Job, "history" | "saved">): unknown {
  const text = saved ?? (history.length === 0 ? undefined : stateOfRecords(history));
  return text === undefined ? undefined : JSON.parse(text);
}

function stateOfRecords(records: readonly string[]): string | undefined {
  for (let i = records.length - 1; i >= 0; i--) {
    const { state } = JSON.parse(elementAt(records, i)) as AttemptRecord;
    if (state !== undefined) return state;
  }
  return undefined;
}

/** A state as JSON; undefined for one that JSON cannot represent, or that is too long. */
export function stateText(state: unknown): string | undefined {
  try {
    const text = JSON.stringify(state) as string | undefined; // undefined for a function or a symbol
    return text === undefined || text.length > MAX_STATE_LENGTH ? undefined : text;
  } catch {
    return undefined; // a cycle, a bigint
  }
}
