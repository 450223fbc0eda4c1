/**
 * What a handler saves while it runs (`AttemptContext.save`), as Redis keeps it: a line among the job's records. It has the form of a record, so
 * that a program which does not know it can read the job. A job has one such line at most; save.lua replaces it and puts it last.
 */
import type { AttemptRecord, Job } from "./job.ts";

/** No other record begins with this; save.lua looks for it. */
const SAVED = `{"saved":true,`;

/** The state is JSON text of up to so many characters: it travels with the job. */
export const MAX_STATE_LENGTH = 16 * 1024;

/** @param state a JSON text @param savedAt epoch ms */
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

/** A job as Redis holds it, with the line of what its handler saved taken out of its records. */
export function withSavedState(job: Job): Job {
  const at = job.history.findIndex((line) => line.startsWith(SAVED));
  if (at === -1) return job;
  const { state } = JSON.parse(job.history[at] ?? "{}") as AttemptRecord;
  const isReplaced = stateOfRecords(job.history.slice(at + 1)) !== undefined;
  return {
    ...job,
    history: job.history.filter((_, i) => i !== at),
    ...(state !== undefined && !isReplaced && { saved: state }),
  };
}

/** What a job's earlier attempts left for the next one: what its handler saved, or threw with later. An attempt that crashed hides neither. */
export function stateLeft({ history, saved }: Pick<Job, "history" | "saved">): unknown {
  const text = saved ?? (history.length === 0 ? undefined : stateOfRecords(history));
  return text === undefined ? undefined : JSON.parse(text);
}

function stateOfRecords(records: readonly string[]): string | undefined {
  for (let i = records.length - 1; i >= 0; i--) {
    const { state } = JSON.parse(records[i] ?? "{}") as AttemptRecord;
    if (state !== undefined) return state;
  }
  return undefined;
}

/** The JSON text of a state; undefined for one that is no JSON, or too long. */
export function stateText(state: unknown): string | undefined {
  try {
    const text = JSON.stringify(state) as string | undefined; // undefined for a function or a symbol
    return text === undefined || text.length > MAX_STATE_LENGTH ? undefined : text;
  } catch {
    return undefined; // a cycle, a bigint
  }
}
