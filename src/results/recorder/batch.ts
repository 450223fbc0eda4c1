/**
 * Writes one batch into Postgres, whatever rows are in it.
 *
 *   copy ──duplicate──▶ stage          missing partition: added, then the same again
 *     └──bad row──▶ halves … one row ──bad──▶ the row without payload and result ──bad──▶ set aside
 *
 * A row set aside stays in Redis' outbox, so it is not lost and does not block the others.
 */

import type { Outcome } from "../../core/job.ts";
import { messageOf } from "../../errors.ts";
import { failureOf } from "../../postgres/failure.ts";
import { dayOf } from "../partitions.ts";
import type { RecorderConnection, RowWriter } from "./connection.ts";
import { writeBareRow, writeRow } from "./copy.ts";

/** The part of a pino logger that the recorder uses. */
export interface RecorderLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A duplicate, a missing partition and two conflicts may hit one batch; more failures have another cause. */
const MAX_TRIES = 6;

/**
 * @returns the outcomes that Postgres has now: all but those set aside
 * @throws pg's error if Postgres is away; then some may be recorded, and a repeat of the batch is harmless
 */
export function recordBatch(
  connection: RecorderConnection,
  batch: readonly Outcome[],
  log: RecorderLog,
): Promise<readonly Outcome[]> {
  return record(connection, batch, log, writeRow);
}

async function record(
  connection: RecorderConnection,
  batch: readonly Outcome[],
  log: RecorderLog,
  write: RowWriter,
): Promise<readonly Outcome[]> {
  let hasDuplicates = false;
  let lacksPartition = false;
  for (let tries = 1; ; tries += 1) {
    try {
      if (lacksPartition) await connection.addPartitions(new Set(batch.map(({ job }) => dayOf(job.id))));
      lacksPartition = false;
      await (hasDuplicates ? connection.stage(batch, write) : connection.copy(batch, write));
      return batch;
    } catch (error) {
      const issue = failureOf(error);
      if (issue === "bad_row") return recordApart(connection, batch, log, write, error);
      if (issue === "away" || tries === MAX_TRIES) throw error;
      if (issue === "duplicate") hasDuplicates = true;
      if (issue === "no_partition") lacksPartition = true;
    }
  }
}

/** Records a batch with a row that Postgres rejects, by halving it down to that row. */
async function recordApart(
  connection: RecorderConnection,
  batch: readonly Outcome[],
  log: RecorderLog,
  write: RowWriter,
  reason: unknown,
): Promise<readonly Outcome[]> {
  const [first] = batch;
  if (first === undefined) return [];
  if (batch.length > 1) {
    const middle = batch.length >> 1;
    const older = await record(connection, batch.slice(0, middle), log, write);
    return [...older, ...(await record(connection, batch.slice(middle), log, write))];
  }
  const fields = { id: first.job.id, type: first.job.type, error: messageOf(reason) };
  if (write === writeRow) {
    log.warn(fields, "Postgres rejects a job's row: it is recorded without payload and result");
    return record(connection, batch, log, (rows, outcome) => writeBareRow(rows, outcome, messageOf(reason)));
  }
  log.error(fields, "a job cannot be recorded at all: it stays in the outbox");
  return [];
}
