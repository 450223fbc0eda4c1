/**
 * Reads of the acceptance log (table `accepted`) for the restore (replica/maintenance/restore.ts), which one replica of
 * a namespace runs at a time.
 */
import type { Submission } from "../../core/job.ts";
import { Leader } from "../../postgres/leader.ts";
import { readSql } from "../../postgres/sql.ts";
import { FlowRows } from "../flows/flow-rows.ts";
import { submissionOf } from "./stored-submission.ts";

const UNRECORDED = readSql(new URL("./unrecorded.sql", import.meta.url));
const READ = readSql(new URL("./read.sql", import.meta.url));
const GENERATION = readSql(new URL("./generation.sql", import.meta.url));
const SET_GENERATION = readSql(new URL("./generation-set.sql", import.meta.url));
const STATEMENT_TIMEOUT_MS = 30_000;
/** The age from which the restore examines submissions: younger ones may still be on their way to Redis. */
export const SETTLED_MS = 60_000;

export interface Unrecorded {
  /** The highest id examined; null if the range is empty. */
  readonly last: string | null;
  readonly jobs: readonly { readonly id: string; readonly bytes: number }[];
}

export interface AcceptedJob {
  readonly id: string;
  readonly submission: Submission;
}

export class AcceptanceLogReader {
  /** Reads of flows, on the same connection. */
  readonly flows: FlowRows;
  readonly #namespace: string;
  readonly #leader: Leader;

  /** @param silentMs another replica may lead after this long without a call; see {@link Leader} */
  constructor(databaseUrl: string, namespace: string, silentMs?: number) {
    this.#namespace = namespace;
    this.#leader = new Leader({
      databaseUrl,
      name: `restore ${namespace}`,
      lease: namespace,
      connection: "restore",
      timeoutMs: STATEMENT_TIMEOUT_MS,
      ...(silentMs !== undefined && { silentMs }),
    });
    this.flows = new FlowRows((sql, values) => this.#leader.query(sql, values), namespace);
  }

  /** Whether this replica leads the restore of its namespace: {@link Leader.lead}. */
  lead(): Promise<"new" | "leads" | "no"> {
    return this.#leader.lead();
  }

  /**
   * Examines the first `limit` rows above one id and below another, for the jobs that are not recorded.
   * @throws pg's error if Postgres is away, as all methods do; then this replica no longer leads
   */
  async unrecorded(above: string, below: string, limit: number): Promise<Unrecorded> {
    type Row = { readonly last: string | null } & (
      | { readonly id: string; readonly bytes: number }
      | { readonly id: null }
    );
    const rows = await this.#leader.query<Row>(UNRECORDED, [this.#namespace, above, below, limit]);
    return {
      last: rows[0]?.last ?? null,
      jobs: rows.flatMap((row) => (row.id === null ? [] : [{ id: row.id, bytes: row.bytes }])),
    };
  }

  /** The jobs of these ids that are not recorded, in the order of ids. */
  async read(ids: readonly string[]): Promise<AcceptedJob[]> {
    const rows = await this.#leader.query<{ id: string; submission: string }>(READ, [ids]);
    return rows.map(({ id, submission }) => ({ id, submission: submissionOf(id, submission) }));
  }

  /** The generation of the Redis whose jobs are complete; undefined before the first. */
  async generation(): Promise<string | undefined> {
    const [row] = await this.#leader.query<{ generation: string }>(GENERATION, [this.#namespace]);
    return row?.generation;
  }

  async setGeneration(generation: string): Promise<void> {
    await this.#leader.query(SET_GENERATION, [this.#namespace, generation]);
  }

  /** Stops leading, and cuts off the call in progress. Idempotent. */
  close(): void {
    this.#leader.close();
  }
}
