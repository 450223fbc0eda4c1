/** The recorder's own connection to Postgres. */
import type { Outcome } from "../../core/job.ts";
import { copyIn, ExclusiveClient } from "../../postgres/exclusive-client.ts";
import { readSql } from "../../postgres/sql.ts";
import { addPartitions } from "../partitions.ts";
import { CopyBuffer } from "./copy-buffer.ts";

const COPY = readSql(new URL("./copy-jobs.sql", import.meta.url));
const STAGE_OPEN = readSql(new URL("./stage-open.sql", import.meta.url));
/** The same rows, with their columns in the same order, into another table. */
const STAGE_COPY = COPY.replace("copy jobs ", "copy staged_jobs ");
const STAGE_INSERT = readSql(new URL("./stage-insert.sql", import.meta.url));

const CONNECT_TIMEOUT_MS = 5_000;
/** A COPY that takes this long waits for a lock. */
const LOCK_WAIT_MS = 2_000;

/** Adds the row of an outcome. */
export type RowWriter = (rows: CopyBuffer, outcome: Outcome) => void;

export class RecorderConnection {
  readonly #client: ExclusiveClient;
  /** Each call ends with all rows in Postgres, or with the connection cut. */
  readonly #rows = new CopyBuffer();

  /**
   * @param timeoutMs how long one call may take; then the connection is cut, and the call rejects
   * @param onLockWait called with a lock that a call waits for, and who holds it
   */
  constructor(databaseUrl: string, timeoutMs: number, onLockWait?: (wait: string) => void) {
    const lockWait = onLockWait && { afterMs: LOCK_WAIT_MS, onWait: onLockWait };
    this.#client = new ExclusiveClient({
      databaseUrl,
      name: "recorder",
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      timeoutMs,
      lockWait,
    });
  }

  /** Appends rows to `jobs`: all of them, or none and the error. */
  copy(batch: readonly Outcome[], write: RowWriter): Promise<void> {
    return this.#client.use((client) => copyIn(client, COPY, this.#rowsOf(batch, write)));
  }

  /** As {@link copy}, but skips rows that the table has already, and repetitions in the batch. */
  stage(batch: readonly Outcome[], write: RowWriter): Promise<void> {
    return this.#client.transact(async (client) => {
      await client.query(STAGE_OPEN);
      await copyIn(client, STAGE_COPY, this.#rowsOf(batch, write));
      await client.query(STAGE_INSERT);
    });
  }

  /** Adds the missing partitions of these days. */
  addPartitions(days: Iterable<number>): Promise<void> {
    return this.#client.use((client) => addPartitions(client, days));
  }

  #rowsOf(batch: readonly Outcome[], write: RowWriter): readonly Uint8Array[] {
    this.#rows.begin();
    for (const outcome of batch) write(this.#rows, outcome);
    return this.#rows.end();
  }

  /** Cuts the connection; a call in progress rejects. The next call opens a new one. */
  cut(): void {
    this.#client.cut();
  }
}
