/**
 * Leadership among replicas: under each name at most one of them leads.
 *
 *   follower ──lead: "new"──▶ leader ──the connection is lost, or silent for silentMs──▶ follower
 *
 * `lead` leads from call to call, by an advisory lock that the connection holds. Behind a pooler no lock outlasts a
 * transaction: there it leads by a lease in table `leaders`, which later calls renew. `step` leads for one transaction.
 * All three exclude each other.
 */
import { randomUUID } from "node:crypto";
import type pg from "pg";
import { isPooled } from "./connection.ts";
import { ExclusiveClient } from "./exclusive-client.ts";
import { readSql } from "./sql.ts";

const LOCK = readSql(new URL("./leader-lock.sql", import.meta.url));
const LEASE = readSql(new URL("./leader-lease.sql", import.meta.url));
const STEP = readSql(new URL("./leader-step.sql", import.meta.url));
const CONNECT_TIMEOUT_MS = 5_000;
/** The longest time that a frozen process leads: its machine still answers TCP, so Postgres cannot notice. */
const SILENT_MS = 30_000;
/** Half the hour between two runs, since a maintenance step may read a day of many millions of rows. */
const UPKEEP_TIMEOUT_MS = 1_800_000;

export interface LeaderOptions {
  readonly databaseUrl: string;
  /** Leaders of different names are independent. */
  readonly name: string;
  /** Key of its lease in table `leaders`. Default: the name. */
  readonly lease?: string;
  /** Name of its connection, as in {@link PostgresOptions}. Default: the name. */
  readonly connection?: string;
  /** How long one call may take; then the connection is cut, and the call rejects. */
  readonly timeoutMs: number;
  /** Postgres ends a session without a call for this long, and a lease expires. */
  readonly silentMs?: number;
}

export class Leader {
  readonly #connection: ExclusiveClient;
  readonly #lock: string;
  readonly #lease: string;
  readonly #silentMs: number;
  /** Of the lease. */
  readonly #holder = randomUUID();
  /** The connection on which this replica leads. Any other one is new, and has no lock. */
  #leadsOn: pg.Client | undefined;
  /** By `performance.now()`: the latest call, and the start of the latest renewal of the lease. */
  #calledAt = 0;
  #renewedAt = 0;
  #isClosed = false;

  constructor(options: LeaderOptions) {
    const { databaseUrl, name, lease = name, connection = name, timeoutMs, silentMs = SILENT_MS } = options;
    this.#lock = `taskflow.${name}`;
    this.#lease = lease;
    this.#silentMs = silentMs;
    this.#connection = new ExclusiveClient({
      databaseUrl,
      name: connection,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      timeoutMs,
      idleInTransactionMs: silentMs,
      idleSessionMs: silentMs,
    });
  }

  /**
   * Tries to lead, unless another replica does.
   * @returns "new" for the first call that leads; "leads" for the following ones while this replica leads without a
   * gap; else "no"
   * @throws pg's error if Postgres is away, as all methods do; then this replica no longer leads
   */
  lead(): Promise<"new" | "leads" | "no"> {
    return this.#use((client) => (isPooled(client) ? this.#leadByLease(client) : this.#leadByLock(client)));
  }

  /** Runs `work` on the connection, whether this replica leads or not. */
  use<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
    return this.#use((client) => {
      this.#calledAt = performance.now();
      return work(client);
    });
  }

  async #use<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
    this.#throwIfClosed();
    try {
      return await this.#connection.use(work);
    } catch (error) {
      this.#leadsOn = undefined; // a failed call may have lost the connection's lock
      throw error;
    }
  }

  /** Rows of a query on the connection, whether this replica leads or not. */
  query<Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    return this.use(async (client) => (await client.query<Row & pg.QueryResultRow>(sql, [...values])).rows);
  }

  /**
   * Runs `work` in a transaction that leads until its end. Resolves with undefined, and runs nothing, if another
   * replica leads.
   */
  step<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result | undefined> {
    this.#throwIfClosed();
    return this.#connection.transact(async (client) => {
      const { rows } = await client.query<{ leads: boolean }>(STEP, [this.#lock, this.#lease, this.#holder]);
      return rows[0]?.leads === true ? work(client) : undefined;
    });
  }

  /** Stops leading, and cuts off the call in progress. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#leadsOn = undefined;
    this.#connection.cut();
  }

  async #leadByLock(client: pg.Client): Promise<"new" | "leads" | "no"> {
    const now = performance.now();
    if (this.#leadsOn === client && now - this.#calledAt < this.#silentMs / 3) return "leads";
    this.#calledAt = now;
    if (this.#leadsOn === client) {
      await client.query("select 1"); // Postgres ends a silent session
      return "leads";
    }
    const { rows } = await client.query<{ leads: boolean }>(LOCK, [this.#lock, this.#lease]);
    this.#leadsOn = rows[0]?.leads === true ? client : undefined;
    return this.#leadsOn ? "new" : "no";
  }

  async #leadByLease(client: pg.Client): Promise<"new" | "leads" | "no"> {
    const renewedAt = performance.now();
    const leasedForMs = this.#leadsOn === client ? renewedAt - this.#renewedAt : Number.POSITIVE_INFINITY;
    if (leasedForMs < this.#silentMs / 3) return "leads";
    this.#leadsOn = undefined;
    const { rowCount } = await client.query(LEASE, [this.#lock, this.#lease, this.#holder, this.#silentMs]);
    if (rowCount === 0) return "no";
    this.#leadsOn = client;
    this.#renewedAt = renewedAt;
    return leasedForMs < this.#silentMs ? "leads" : "new"; // in a longer gap another replica may have led
  }

  #throwIfClosed(): void {
    if (this.#isClosed) throw new Error("this replica is shutting down");
  }
}

export interface UpkeepOptions {
  readonly databaseUrl: string;
  readonly name: string;
  /** Cuts off the task. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a task in steps ({@link Leader.step}), of which only one replica at a time runs any. The task has its own
 * connection.
 * @throws pg's error if Postgres is away, or the signal cut the connection
 */
export async function runAsLeader<Result>(
  { databaseUrl, name, signal }: UpkeepOptions,
  task: (leader: Leader) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  const leader = new Leader({ databaseUrl, name, timeoutMs: UPKEEP_TIMEOUT_MS });
  const close = (): void => leader.close();
  signal?.addEventListener("abort", close);
  try {
    return await task(leader);
  } finally {
    leader.close();
    signal?.removeEventListener("abort", close);
  }
}
