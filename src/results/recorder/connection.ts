/** The recorder's own connection to Postgres. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import type { Outcome } from "../../core/job.ts";
import { copyIn, ExclusiveClient } from "../../postgres/exclusive-client.ts";
import { readSql } from "../../postgres/sql.ts";
import { BatchCounts } from "../history/batch-counts.ts";
import { addPartitions } from "../partitions.ts";
import type { Columns } from "./columns.ts";
import { ALL_COLUMNS, columnsFor } from "./columns.ts";
import { writeRow } from "./copy.ts";
import { CopyBuffer } from "./copy-buffer.ts";

const STAGE_OPEN = readSql(new URL("./stage-open.sql", import.meta.url));
const STAGE_INSERT = readSql(new URL("./stage-insert.sql", import.meta.url));
const COUNT = readSql(new URL("./count.sql", import.meta.url));

const CONNECT_TIMEOUT_MS = 5_000;
/** A COPY that takes this long waits for a lock. */
const LOCK_WAIT_MS = 2_000;

export interface RecorderConnectionOptions {
  /** The id under which this recorder counts what it writes; no other recorder has it. Default: a random one. */
  readonly writer?: string;
  /** Called with a lock that a call waits for, and who holds it. */
  readonly onLockWait?: (wait: string) => void;
}

export class RecorderConnection {
  readonly #client: ExclusiveClient;
  readonly #writer: string;
  /** Each call ends with all rows in Postgres, or with the connection cut. */
  readonly #rows = new CopyBuffer();
  readonly #counts = new BatchCounts();

  /** @param timeoutMs how long one call may take; then the connection is cut, and the call rejects */
  constructor(
    databaseUrl: string,
    timeoutMs: number,
    { writer = randomUUID(), onLockWait }: RecorderConnectionOptions = {},
  ) {
    this.#writer = writer;
    const lockWait = onLockWait && { afterMs: LOCK_WAIT_MS, onWait: onLockWait };
    this.#client = new ExclusiveClient({
      databaseUrl,
      name: "recorder",
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      timeoutMs,
      lockWait,
    });
  }

  /**
   * Appends rows to `jobs` and adds them to the history: all of them, or none and the error. Postgres runs the two
   * statements of one message in one transaction (PostgreSQL manual, "Message Flow", Multiple Statements in a Simple
   * Query), so the history costs no round trip.
   */
  copy(batch: readonly Outcome[]): Promise<void> {
    return this.#client.use((client) => {
      const columns = columnsFor(batch);
      return copyIn(
        client,
        `${copyInto("jobs", columns)};\n${this.#countStatement(batch)}`,
        this.#rowsOf(batch, columns),
      );
    });
  }

  /** As {@link copy}, but skips rows that the table has already, and repetitions in the batch. */
  stage(batch: readonly Outcome[]): Promise<void> {
    const byId = new Map(batch.toReversed().map((outcome) => [outcome.job.id, outcome])); // the first of each id
    return this.#client.transact(async (client) => {
      await client.query(STAGE_OPEN);
      await copyIn(client, copyInto("staged_jobs", ALL_COLUMNS), this.#rowsOf([...byId.values()], ALL_COLUMNS));
      const { rows } = await client.query<{ id: string }>(STAGE_INSERT);
      const added = rows.flatMap(({ id }) => byId.get(id) ?? []);
      if (added.length > 0) await client.query(this.#countStatement(added));
    });
  }

  /** Adds the missing partitions of these days. */
  addPartitions(days: Iterable<number>): Promise<void> {
    return this.#client.use((client) => addPartitions(client, days));
  }

  #rowsOf(batch: readonly Outcome[], columns: Columns): readonly Uint8Array[] {
    this.#rows.begin();
    for (const outcome of batch) writeRow(this.#rows, outcome, columns);
    return this.#rows.end();
  }

  /** The statement that adds these rows to the history. A message of several statements has no parameters. */
  #countStatement(added: readonly Outcome[]): string {
    this.#counts.begin();
    for (const outcome of added) this.#counts.add(outcome);
    const { series, errors } = this.#counts.json;
    const values = [this.#writer, series, errors].map((value) => (value === null ? "null" : pg.escapeLiteral(value)));
    return COUNT.replace(/\$(\d)/g, (_, number: string) => values[Number(number) - 1] ?? "null");
  }

  /** Cuts the connection; a call in progress rejects. The next call opens a new one. */
  cut(): void {
    this.#client.cut();
  }
}

/**
 * The condition is true for every row. Since it is volatile, Postgres inserts the rows one by one. Otherwise it buffers
 * up to 1,000 of them, which takes time quadratic in their number: 4.8 instead of 4.3 µs a row for 660 rows.
 */
function copyInto(table: string, { names }: Columns): string {
  return `copy ${table} (${names.join(", ")}) from stdin (format binary) where random() >= 0`;
}
