/** Upkeep that one replica does at a time: each of its steps is a transaction that holds an advisory lock of Postgres. */
import type pg from "pg";
import { ExclusiveClient } from "./exclusive-client.ts";
import { readSql } from "./sql.ts";

const TRY_LOCK = readSql(new URL("./advisory-lock-try.sql", import.meta.url));
const CONNECT_TIMEOUT_MS = 5_000;
/** Of one step, which may read through a day of many millions of rows: half the hour to the next time. */
const TIMEOUT_MS = 1_800_000;
/** A step is one statement after the other: a session that is idle within one for so long is that of a frozen process, and loses the lock. */
const SILENT_MS = 30_000;

export interface AdvisoryLock {
  readonly databaseUrl: string;
  readonly name: string;
  /** Done first, without the lock; where it rejects, there is no step. */
  readonly check?: (client: pg.Client) => Promise<unknown>;
  /** Cuts the connection, whatever is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** Does `work` in a transaction that holds the lock. Resolves with undefined, and does nothing, where another replica holds it. */
export type Step = <Result>(work: (client: pg.Client) => Promise<Result>) => Promise<Result | undefined>;

/**
 * Does `work`, on a connection that lasts as long.
 * @throws pg's error when Postgres is away, or the connection was cut
 */
export async function underLock<Result>(
  { databaseUrl, name, check, signal }: AdvisoryLock,
  work: (step: Step) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  const connection = new ExclusiveClient({
    databaseUrl,
    name,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    timeoutMs: TIMEOUT_MS,
    idleInTransactionMs: SILENT_MS,
  });
  const cut = (): void => connection.cut();
  signal?.addEventListener("abort", cut);
  try {
    if (check) await connection.use(check);
    return await work((step) =>
      connection.transact(async (client) => {
        const { rows } = await client.query<{ locked: boolean }>(TRY_LOCK, [name]);
        return rows[0]?.locked === true ? step(client) : undefined;
      }),
    );
  } finally {
    connection.cut();
    signal?.removeEventListener("abort", cut);
  }
}
