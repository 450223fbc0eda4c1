/** Upkeep that one replica does at a time: it holds an advisory lock of Postgres, on a connection that lasts as long. */
import type pg from "pg";
import { ExclusiveClient } from "./exclusive-client.ts";
import { readSql } from "./sql.ts";

const TRY_LOCK = readSql("advisory-lock-try.sql");
const CONNECT_TIMEOUT_MS = 5_000;
/** Of all the work, which may read through days of many millions of rows: half the hour to its next time. */
const TIMEOUT_MS = 1_800_000;
/** The work is one statement after the other: a session that is idle for so long is that of a process that is frozen, and loses the lock. */
const SILENT_MS = 30_000;

export interface AdvisoryLock {
  readonly databaseUrl: string;
  readonly name: string;
  /** Does something before the lock is asked for; where it rejects, the lock stays free for the others. */
  readonly check?: (client: pg.Client) => Promise<unknown>;
  /** Cuts the connection, whatever is under way. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does `work` under the lock, on its connection.
 * @returns its result; undefined where another replica holds the lock
 * @throws pg's error when Postgres is away, or the connection was cut
 */
export async function underLock<Result>({ databaseUrl, name, check, signal }: AdvisoryLock, work: (client: pg.Client) => Promise<Result>): Promise<Result | undefined> {
  signal?.throwIfAborted();
  const connection = new ExclusiveClient({ databaseUrl, name, connectTimeoutMs: CONNECT_TIMEOUT_MS, timeoutMs: TIMEOUT_MS, idleSessionMs: SILENT_MS });
  const cut = (): void => connection.cut();
  signal?.addEventListener("abort", cut);
  try {
    return await connection.use(async (client) => {
      await check?.(client);
      const { rows } = await client.query<{ locked: boolean }>(TRY_LOCK, [name]);
      const result = rows[0]?.locked === true ? await work(client) : undefined;
      await client.end(); // in order: the lock is free when this resolves
      return result;
    });
  } finally {
    signal?.removeEventListener("abort", cut);
  }
}
