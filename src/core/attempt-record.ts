/**
 * The records of a job's attempts, as Redis stores them: one line of JSON each. The last record of a completed job is
 * mostly a short one:
 * "=", finished_at, and the result; the job's header contains the rest.
 */
import { at } from "./at.ts";
import { encodeTime, TIME_DIGITS } from "./header.ts";
import { timeOfId } from "./id.ts";
import type { AttemptDiagnostics, AttemptRecord, Job, Outcome } from "./job.ts";
import { TERMINAL_STATUSES } from "./job.ts";
import { resultOfCancelled } from "./operation-counts.ts";

/** A result is last in its record, so that it can be cut out as it was written: numbers keep all digits. */
const RESULT = `,"result":`;

/** What a {@link shortRecord} begins with. */
const SHORT = "=";

/** One record. `result` is JSON. */
export function encodeRecord(record: Omit<AttemptRecord, "result"> & { readonly result?: string | undefined }): string {
  const { result } = record;
  if (result === undefined) return JSON.stringify(record);
  const worker = record.worker === null ? "null" : `"${record.worker}"`;
  return `{"attempt":${record.attempt},"outcome":"${record.outcome}","worker":${worker},"started_at":${record.started_at ?? "null"},"finished_at":${record.finished_at}${encodeDiagnostics(record)}${RESULT}${result}}`;
}

function encodeDiagnostics({ thread, log }: AttemptDiagnostics): string {
  return (
    (thread === undefined ? "" : `,"thread":${thread}`) + (log === undefined ? "" : `,"log":${JSON.stringify(log)}`)
  );
}

/**
 * The record of an attempt that completed and left nothing but its result, as most do. It leaves out what the job's
 * header holds as well, and can only be the last record.
 * @param result JSON
 */
export function shortRecord(finishedAt: number, result: string): string {
  return `${SHORT}${encodeTime(finishedAt)}${result}`;
}

/**
 * Splits the lines of a job's records, and replaces a short one by the full record.
 * @param header the fields of the job's header
 * @throws SyntaxError if a line is not JSON: later readers need not check
 */
export function readRecords(
  lines: string,
  { attempt, worker, startedAt }: Pick<Job, "attempt" | "worker" | "startedAt">,
): readonly string[] {
  const records = lines.split("\n");
  const last = at(records, records.length - 1);
  const isShort = last.startsWith(SHORT);
  for (const record of isShort ? records.slice(0, -1) : records) JSON.parse(record);
  if (!isShort) return records;
  const resultAt = SHORT.length + TIME_DIGITS;
  records[records.length - 1] = encodeRecord({
    attempt,
    outcome: "completed",
    worker,
    started_at: startedAt,
    finished_at: Number(last.slice(SHORT.length, resultAt)),
    result: last.slice(resultAt),
  });
  return records;
}

/** A record as a row in Postgres stores it: the result has a separate column. */
export function withoutResult(record: string): string {
  const resultAt = record.indexOf(RESULT); // inside a string of the record a quote is escaped
  return resultAt === -1 ? record : `${record.slice(0, resultAt)}}`;
}

function hasDiagnostics({ thread, log }: AttemptDiagnostics): boolean {
  return thread !== undefined || log !== undefined;
}

/**
 * When a job could start, epoch ms. Undefined if its records do not contain it: one record stands for all waits for
 * a turn, and a job that continues from a saved state may have no record.
 */
export function readyAtOf({ id, options, history, saved }: Job): number | undefined {
  if (saved !== undefined) return undefined;
  const last = history.at(-1);
  if (last === undefined) return Math.max(timeOfId(id), options.run_at ?? 0);
  const {
    finished_at: finishedAt,
    next_at: nextAt = finishedAt,
    waits_for_turn: waitsForTurn,
  } = JSON.parse(last) as AttemptRecord;
  return waitsForTurn ? undefined : nextAt;
}

/**
 * The replica and the start of the latest attempt. A record without a start is skipped: the job was cancelled, or
 * expired, while it waited.
 */
export function latestAttempt(history: readonly string[]): {
  readonly worker: string | null;
  readonly startedAt: number | null;
} {
  for (let i = history.length - 1; i >= 0; i--) {
    const { worker, started_at: startedAt } = JSON.parse(at(history, i)) as AttemptRecord;
    if (startedAt !== null) return { worker, startedAt };
  }
  return { worker: null, startedAt: null };
}

/** The outcome of a job in the outbox; undefined for any other job. */
export function outcomeOf(job: Job): Outcome | undefined {
  const status = TERMINAL_STATUSES.find((terminal) => terminal === job.status);
  const last = job.history.at(-1);
  if (status === undefined || last === undefined) return undefined;
  const record = JSON.parse(last) as AttemptRecord;
  const before = job.history.slice(0, -1);
  const partial = status === "cancelled" ? resultOfCancelled(job) : null;
  return {
    job,
    status,
    result: record.result === undefined ? partial : last.slice(last.indexOf(RESULT) + RESULT.length, -1),
    error: record.error ?? null,
    attempt: job.attempt,
    ...latestAttempt(job.history),
    finishedAt: record.finished_at,
    records:
      hasDiagnostics(record) || (record.started_at === null && before.length > 0)
        ? [...before, withoutResult(last)]
        : before,
  };
}
