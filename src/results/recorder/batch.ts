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
import type { RecorderConnection } from "./connection.ts";
import { bareOutcome } from "./copy.ts";

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
  return record(connection, batch, (reason) => recordApart(connection, batch, log, reason));
}

/** @param recordBad called if Postgres rejects a row of the batch, of which it has stored none then */
async function record(
  connection: RecorderConnection,
  batch: readonly Outcome[],
  recordBad: (reason: unknown) => Promise<readonly Outcome[]>,
): Promise<readonly Outcome[]> {
  let hasDuplicates = false;
  let lacksPartition = false;
  for (let tries = 1; ; tries += 1) {
    try {
      if (lacksPartition) await connection.addPartitions(new Set(batch.map(({ job }) => dayOf(job.id))));
      lacksPartition = false;
      await (hasDuplicates ? connection.stage(batch) : connection.copy(batch));
      return batch;
    } catch (error) {
      const issue = failureOf(error);
      if (issue === "bad_row") return recordBad(error);
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
  reason: unknown,
): Promise<readonly Outcome[]> {
  const [first] = batch;
  if (first === undefined) return [];
  if (batch.length > 1) {
    const middle = batch.length >> 1;
    const older = await recordBatch(connection, batch.slice(0, middle), log);
    return [...older, ...(await recordBatch(connection, batch.slice(middle), log))];
  }
  const { id, type } = first.job;
  log.warn(
    { id, type, error: messageOf(reason) },
    "Postgres rejects a job's row: it is recorded without payload and result",
  );
  const stored = await record(connection, [bareOutcome(first, messageOf(reason))], (worse) => {
    log.error({ id, type, error: messageOf(worse) }, "a job cannot be recorded at all: it stays in the outbox");
    return Promise.resolve([]);
  });
  return stored.length === 0 ? [] : [first];
}
