/** An outcome as a row of `jobs`: the values of the columns in their order. This is the hot path: under 1 µs a row. */
import { timeOfId } from "../../core/id.ts";
import type { JobError, JobOptions, Outcome } from "../../core/job.ts";
import { storable } from "../../core/storable.ts";
import type { Columns } from "./columns.ts";
import { COLUMN } from "./columns.ts";
import type { CopyBuffer } from "./copy-buffer.ts";
import { optionsText } from "./options-text.ts";

/** @param columns those of the batch @throws RangeError for an invalid time or id */
export function writeRow(rows: CopyBuffer, outcome: Outcome, columns: Columns): void {
  const { job, worker, startedAt, finishedAt, result } = outcome;
  rows.row(columns.names.length);
  rows.uuid(job.id);
  rows.timestamp(timeOfId(job.id));
  rows.timestamp(finishedAt);
  rows.text(job.type);
  rows.json(job.payload);
  rows.timestamp(startedAt);
  rows.text(worker);
  rows.text(result);
  if (columns.bits !== 0) writeOthers(rows, outcome, columns.bits);
}

/** The columns that have defaults, if the batch needs them. */
function writeOthers(rows: CopyBuffer, { job, status, attempt, error, records }: Outcome, bits: number): void {
  const { options } = job;
  if (bits & COLUMN.priority) rows.smallint(job.priority);
  if (bits & COLUMN.attempt) rows.smallint(attempt);
  if (bits & COLUMN.max_attempts) rows.smallint(job.maxAttempts);
  if (bits & COLUMN.status) rows.text(status);
  if (bits & COLUMN.durability) rows.text(options.durability ?? "redis");
  if (bits & COLUMN.tags) rows.texts(options.tags ?? []);
  if (bits & COLUMN.run_at) rows.timestamp(options.run_at);
  if (bits & COLUMN.retry_of) rows.uuid(options.retry_of);
  if (bits & COLUMN.group_key) rows.text(job.groupKey);
  if (bits & COLUMN.error) rows.text(error === null ? null : errorText(error));
  if (bits & COLUMN.attempts) rows.text(records.length === 0 ? null : `[${records.join(",")}]`);
  if (bits & COLUMN.options) rows.text(optionsText(options));
}

/**
 * The outcome to store in place of one whose row Postgres rejects: without payload, result and history, with an error
 * that explains this, and its strings stripped of characters that no text column can store. The status stays, since
 * Redis has counted the job under it.
 */
export function bareOutcome(outcome: Outcome, reason: string): Outcome {
  const { job } = outcome;
  return {
    ...outcome,
    job: {
      ...job,
      type: storable(job.type),
      payload: "{}",
      groupKey: job.groupKey === null ? null : storable(job.groupKey),
      options: { ...withoutTemplate(job.options), tags: (job.options.tags ?? []).map(storable) },
    },
    result: null,
    error: {
      code: "unrecordable",
      message: `Postgres could not store this job's payload, result or texts: ${reason}`,
      attempt: outcome.attempt,
    },
    worker: outcome.worker === null ? null : storable(outcome.worker),
    records: [],
  };
}

function withoutTemplate(options: JobOptions): JobOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => name !== "template"));
}

/** Makes the message storable: a filter by error code unescapes the whole JSON, and would fail on `\u0000`. */
function errorText({ code, message, attempt }: JobError): string {
  return JSON.stringify({ code: storable(code), message: storable(message), attempt });
}
