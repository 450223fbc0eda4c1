/** An outcome as a row of `jobs`: the columns in the order of copy-jobs.sql. This is the hot path: under 1 µs a row. */
import { timeOfId } from "../../core/id.ts";
import type { JobError, JobOptions, Outcome } from "../../core/job.ts";
import { lastText } from "../../core/last-text.ts";
import { storable } from "../../core/storable.ts";
import type { CopyBuffer } from "./copy-buffer.ts";

const COLUMNS = 20;

/** @throws RangeError for an invalid time or id */
export function writeRow(
  rows: CopyBuffer,
  { job, status, attempt, worker, startedAt, finishedAt, result, error, records }: Outcome,
): void {
  const { options } = job;
  rows.row(COLUMNS);
  rows.uuid(job.id);
  rows.timestamp(timeOfId(job.id));
  rows.timestamp(finishedAt);
  rows.smallint(job.priority);
  rows.smallint(attempt);
  rows.smallint(job.maxAttempts);
  rows.text(job.type);
  rows.text(status);
  rows.json(job.payload);
  rows.timestamp(startedAt);
  rows.text(worker);
  rows.text(result);
  rows.text(options.durability ?? "redis");
  rows.texts(options.tags ?? []);
  rows.timestamp(options.run_at);
  rows.uuid(options.retry_of);
  rows.text(job.groupKey);
  rows.text(error === null ? null : errorText(error));
  rows.text(records.length === 0 ? null : `[${records.join(",")}]`);
  rows.text(optionsText(options));
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
      options: { ...job.options, tags: (job.options.tags ?? []).map(storable) },
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

/** Makes the message storable: a filter by error code unescapes the whole JSON, and would fail on `\u0000`. */
function errorText({ code, message, attempt }: JobError): string {
  return JSON.stringify({ code: storable(code), message: storable(message), attempt });
}

/** The options of a submission that have no column. */
function optionsText(options: JobOptions): string | null {
  const { expires_at, timeout_ms, backoff, callback_url, schedule, flow, template, api_key } = options;
  const stored = expires_at ?? timeout_ms ?? backoff ?? callback_url ?? schedule ?? flow ?? template;
  if (stored === undefined) return api_key === undefined ? null : keyText(api_key);
  return JSON.stringify({ expires_at, timeout_ms, backoff, callback_url, schedule, flow, template, api_key });
}

/** Consecutive jobs mostly have the same key. */
const keyText = lastText((api_key: string) => JSON.stringify({ api_key }));
