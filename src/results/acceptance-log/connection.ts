/** The acceptance log writer's connection to Postgres. */
import type pg from "pg";
import { copyIn, ExclusiveClient } from "../../postgres/exclusive-client.ts";
import { readSql } from "../../postgres/sql.ts";
import { CopyBuffer } from "../recorder/copy-buffer.ts";
import type { AcceptedFlow } from "./accepted-flows.ts";
import { writeFlows } from "./accepted-flows.ts";

const COPY = readSql(new URL("./copy.sql", import.meta.url));
const STAGE_OPEN = readSql(new URL("./stage-open.sql", import.meta.url));
/** The same rows, with their columns in the same order, into another table. */
const STAGE_COPY = COPY.replace("copy accepted ", "copy staged_accepted ");
const STAGE_INSERT = readSql(new URL("./stage-insert.sql", import.meta.url));
const COLUMNS = 3;
const CLAIM_KEYS = readSql(new URL("./keys-claim.sql", import.meta.url));
const RELEASE_KEYS = readSql(new URL("./keys-release.sql", import.meta.url));
const READ_KEYS = readSql(new URL("./keys-read.sql", import.meta.url));

/** The idempotency key of a submission. */
export interface KeyClaim {
  readonly key: string;
  readonly fingerprint: string;
  readonly firstId: string;
  readonly ttlMs: number;
}

/** The submission that a key belongs to. */
export interface KnownKey {
  readonly fingerprint: string;
  readonly firstId: string;
}

interface KeyRow {
  readonly key: string;
  readonly fingerprint: string;
  readonly first_id: string;
}

/** A submission as a row of `accepted`. */
export interface AcceptedRow {
  readonly id: string;
  /** Packed as in Redis; the bytes of a large payload follow it. */
  readonly submission: string;
  readonly data?: Uint8Array | undefined;
}

/** The rows of one call. */
export interface AcceptedRows {
  readonly rows: readonly AcceptedRow[];
  readonly flow?: AcceptedFlow | undefined;
  /** The idempotency key of the call. */
  readonly key?: string | undefined;
}

/** Given the submission that each key belongs to, new or existing, returns the rows to append. */
export type Admitted = (known: ReadonlyMap<string, KnownKey>) => readonly AcceptedRows[];

export class AcceptedConnection {
  readonly #client: ExclusiveClient;
  readonly #namespace: string;
  readonly #rows = new CopyBuffer();

  /**
   * @param timeoutMs how long one call may take; then the connection is cut, and the call rejects
   * @param onLockWait called with a lock that a call waits for, and who holds it
   */
  constructor(databaseUrl: string, namespace: string, timeoutMs: number, onLockWait?: (wait: string) => void) {
    const lockWait = onLockWait && { afterMs: timeoutMs / 2, onWait: onLockWait };
    this.#client = new ExclusiveClient({
      databaseUrl,
      name: "acceptor",
      connectTimeoutMs: timeoutMs,
      timeoutMs,
      lockWait,
    });
    this.#namespace = namespace;
  }

  /** Connects if it is not connected. A failure here has changed nothing in Postgres. */
  open(): Promise<void> {
    return this.#client.open();
  }

  /** Appends rows to `accepted`: all of them, or none and the error. */
  copy(groups: readonly AcceptedRows[]): Promise<void> {
    return this.use((client) => this.#copyIn(client, COPY, groups));
  }

  /**
   * Claims keys, and appends the rows and flows of those submissions that `admitted` lets in, all in one transaction.
   * @returns the retries of flows that did not take place: nothing of them is appended
   */
  copyWithKeys(claims: readonly KeyClaim[], admitted: Admitted): Promise<ReadonlySet<AcceptedFlow>> {
    return this.#client.transact(async (client) => {
      const { groups, rejected } = await this.#admit(client, claims, admitted);
      await this.#copyIn(client, COPY, groups);
      return rejected;
    });
  }

  /** As {@link copyWithKeys}, but skips rows that the table has already, and repetitions in the batch. */
  stageWithKeys(claims: readonly KeyClaim[], admitted: Admitted): Promise<ReadonlySet<AcceptedFlow>> {
    return this.#client.transact(async (client) => {
      await client.query(STAGE_OPEN);
      const { groups, rejected } = await this.#admit(client, claims, admitted);
      await this.#copyIn(client, STAGE_COPY, groups);
      await client.query(STAGE_INSERT);
      return rejected;
    });
  }

  /** Cuts the connection; a call in progress rejects. The next call opens a new one. */
  cut(): void {
    this.#client.cut();
  }

  /** Runs `work` on the connection, within the time limit. */
  use<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
    return this.#client.use(work);
  }

  async #admit(
    client: pg.Client,
    claims: readonly KeyClaim[],
    admitted: Admitted,
  ): Promise<{ readonly groups: readonly AcceptedRows[]; readonly rejected: ReadonlySet<AcceptedFlow> }> {
    const groups = admitted(claims.length === 0 ? new Map() : await this.#claim(client, claims));
    const flows = groups.flatMap(({ flow }) => flow ?? []);
    const rejected = await writeFlows(client, this.#namespace, flows);
    const unused = groups.flatMap(({ flow, key }) => (flow && key !== undefined && rejected.has(flow) ? [key] : []));
    if (unused.length > 0) await client.query(RELEASE_KEYS, [this.#namespace, unused]);
    return { groups: groups.filter(({ flow }) => !flow || !rejected.has(flow)), rejected };
  }

  async #claim(client: pg.Client, claims: readonly KeyClaim[]): Promise<ReadonlyMap<string, KnownKey>> {
    const keys = claims.map(({ key }) => key);
    await client.query(CLAIM_KEYS, [
      this.#namespace,
      keys,
      claims.map(({ fingerprint }) => fingerprint),
      claims.map(({ firstId }) => firstId),
      claims.map(({ ttlMs }) => ttlMs),
    ]);
    const { rows } = await client.query<KeyRow>(READ_KEYS, [this.#namespace, keys]);
    return new Map(rows.map(({ key, fingerprint, first_id: firstId }) => [key, { fingerprint, firstId }]));
  }

  #copyIn(client: pg.Client, sql: string, groups: readonly AcceptedRows[]): Promise<void> {
    this.#rows.begin();
    for (const { rows } of groups) {
      for (const { id, submission, data } of rows) {
        this.#rows.row(COLUMNS);
        this.#rows.uuid(id);
        this.#rows.text(this.#namespace);
        if (data) this.#rows.bytes(submission, data);
        else this.#rows.text(submission);
      }
    }
    return copyIn(client, sql, this.#rows.end());
  }
}
