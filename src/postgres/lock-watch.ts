/** Finds the session that blocks a slow call to Postgres: no error of Postgres names the holder of a lock. */

import type pg from "pg";
import { Periodic } from "../concurrency/periodic.ts";
import { backendOf, cut, postgresConnection } from "./connection.ts";
import { readSql } from "./sql.ts";

const LOCK_WAIT = readSql(new URL("./lock-wait.sql", import.meta.url));
const LOCK_HOLDER = readSql(new URL("./lock-holder.sql", import.meta.url));
const TIMEOUT_MS = 2_000;

export interface LockWatchOptions {
  readonly databaseUrl: string;
  /** The session to watch. */
  readonly client: pg.Client;
  /** Until the first check, and between checks. */
  readonly periodMs: number;
  /**
   * Called for each new lock or holder: "AccessExclusiveLock on jobs, held by psql (process 4711, idle in transaction,
   * for 93 s)".
   */
  readonly onWait: (wait: string) => void;
}

type Holder = {
  readonly lock: string | null;
  readonly pid: number;
  readonly name: string | null;
  readonly state: string | null;
  readonly seconds: number | null;
};

export class LockWatch {
  readonly #options: LockWatchOptions;
  readonly #checks: Periodic;
  #isClosed = false;
  #last: string | undefined;

  /** Checks from now on, until it is closed. */
  constructor(options: LockWatchOptions) {
    this.#options = options;
    this.#checks = new Periodic({
      task: () => this.#check(),
      periodMs: options.periodMs,
      onError: () => undefined, // the watch only reports: the call that it watches has its own time limit
    });
    this.#checks.start();
  }

  /** Reports nothing more. Does not wait for a check under way. */
  close(): void {
    this.#isClosed = true;
    this.#checks.stop();
  }

  async #check(): Promise<void> {
    const { databaseUrl, client, onWait } = this.#options;
    const pid = backendOf(client);
    const { client: observer, open } = postgresConnection({
      databaseUrl,
      name: "lock-watch",
      statementTimeoutMs: TIMEOUT_MS,
      answerTimeoutMs: TIMEOUT_MS,
      connectTimeoutMs: TIMEOUT_MS,
    });
    try {
      await open();
      const { rows } = await observer.query<Holder>(LOCK_WAIT, [pid]);
      const wait = rows[0]?.lock == null ? undefined : `${rows[0].lock}, held by ${rows.map(textOf).join(" and ")}`;
      if (wait !== undefined && !this.#isClosed && identityOf(rows) !== this.#last) onWait(wait);
      this.#last = identityOf(rows);
    } finally {
      cut(observer);
    }
  }
}

/**
 * The oldest other transaction that locks a table of TaskFlow: "AccessShareLock on jobs, held by psql (process 4711,
 * idle in transaction, for 93 s)". It explains waits that are too short for a {@link LockWatch}. Undefined if there is
 * none, or its session is not shown to this role.
 */
export async function oldestHolder(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<Holder>(LOCK_HOLDER);
  return rows[0]?.lock == null ? undefined : `${rows[0].lock}, held by ${textOf(rows[0])}`;
}

function textOf({ pid, name, state, seconds }: Holder): string {
  return `${name ?? "a session that is not shown to this user"} (process ${[pid, state, seconds === null ? null : `for ${Math.round(seconds)} s`].filter((part) => part !== null).join(", ")})`;
}

function identityOf(rows: readonly Holder[]): string {
  return rows.map(({ lock, pid }) => `${lock ?? ""} ${pid}`).join();
}
