/** Finds out whom a session of Postgres waits for, when a call of it takes long: who holds a lock is in no error of Postgres. */
import type pg from "pg";
import { backendOf, cut, postgresConnection } from "./connection.ts";
import { readSql } from "./sql.ts";

const LOCK_WAIT = readSql(new URL("./lock-wait.sql", import.meta.url));
const TIMEOUT_MS = 2_000;

export interface LockWatchOptions {
  readonly databaseUrl: string;
  /** The session that may wait. */
  readonly client: pg.Client;
  /** The first look comes after so long, and so does each next one. */
  readonly periodMs: number;
  /** Called with each new answer: "AccessExclusiveLock on jobs, held by psql (process 4711, idle in transaction, for 93 s)". */
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
  #timer: NodeJS.Timeout;
  #isClosed = false;
  #last: string | undefined;

  /** Looks from now on, until it is closed. */
  constructor(options: LockWatchOptions) {
    this.#options = options;
    this.#timer = this.#schedule();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): NodeJS.Timeout {
    // The watch only reports: where it cannot, the call under way still has its own limit.
    return setTimeout(() => void this.#look().catch(() => undefined), this.#options.periodMs);
  }

  async #look(): Promise<void> {
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
      if (!this.#isClosed) this.#timer = this.#schedule();
    }
  }
}

function textOf({ pid, name, state, seconds }: Holder): string {
  return `${name ?? "a session that is not shown to this user"} (process ${[pid, state, seconds === null ? null : `for ${Math.round(seconds)} s`].filter((part) => part !== null).join(", ")})`;
}

function identityOf(rows: readonly Holder[]): string {
  return rows.map(({ lock, pid }) => `${lock ?? ""} ${pid}`).join();
}
