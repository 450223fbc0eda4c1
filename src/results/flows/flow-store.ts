/** Flows in Postgres. Every method rejects with `store_unavailable` while Postgres is away. */
import type { BatchJob } from "../../core/flows/batch-results.ts";
import { FLOW_KINDS, FLOW_STATUSES, type FlowState, type IdRange } from "../../core/flows/flow.ts";
import type { FlowFilter } from "../../core/flows/flows.ts";
import { lastOf } from "../../core/flows/id-ranges.ts";
import { HIGHEST_ID } from "../../core/id.ts";
import type { TerminalStatus } from "../../core/job.ts";
import { storable } from "../../core/storable.ts";
import { ReadPool } from "../../postgres/read-pool.ts";
import { readSql } from "../../postgres/sql.ts";
import type { KnownKey } from "../acceptance-log/connection.ts";
import type { FlowRow } from "./flow-row.ts";
import { flowOf } from "./flow-row.ts";
import { FlowRows } from "./flow-rows.ts";
import type { FinishedSubmission, RetriedRow } from "./retried-job.ts";
import { finishedSubmission } from "./retried-job.ts";
import { saveFlows } from "./save-flows.ts";

const GET = readSql(new URL("./get.sql", import.meta.url));
const LIST = readSql(new URL("./list.sql", import.meta.url));
const LIST_NAMED = readSql(new URL("./list-named.sql", import.meta.url));
const JOBS = readSql(new URL("./jobs.sql", import.meta.url));
const UNSUCCESSFUL_JOBS = readSql(new URL("./unsuccessful-jobs.sql", import.meta.url));
const OUTCOMES = readSql(new URL("./outcomes.sql", import.meta.url));
const NOTE = readSql(new URL("./note.sql", import.meta.url));
const KNOWN_KEY = readSql(new URL("./known-key.sql", import.meta.url));
const RETRIED_JOBS = readSql(new URL("./retried-jobs.sql", import.meta.url));

const CONNECTIONS = 2;
/** Of the results that are in memory at once; the last of them may have 1 MiB more. */
const MAX_RESULT_BYTES = 4 * 1024 * 1024;

export class FlowStore {
  readonly #pool: ReadPool;
  readonly #namespace: string;
  /** How the jobs of flows ended. */
  readonly rows: FlowRows;

  constructor(databaseUrl: string, namespace: string) {
    this.#pool = new ReadPool(databaseUrl, "flows", CONNECTIONS, "Flows cannot be read from Postgres now");
    this.#namespace = namespace;
    this.rows = new FlowRows((sql, values) => this.#pool.query(sql, values), namespace);
  }

  /**
   * The flows of these ids that Postgres has, in any order: those that have ended, and durable ones. The state of nodes
   * of a flow that runs is that of its submission or its last retry: Redis has the current one.
   */
  async get(ids: readonly string[]): Promise<FlowState[]> {
    if (ids.length === 0) return [];
    return (await this.#pool.query<FlowRow>(GET, [ids])).map(flowOf);
  }

  /** The ids of the flows that pass the filter, newest first, `limit` at most: exactly those, by an index. */
  async list({ status, kind, name, limit, below = HIGHEST_ID }: FlowFilter): Promise<string[]> {
    const parameters = [below, kind ?? FLOW_KINDS, status ?? FLOW_STATUSES, limit];
    const rows = await (name === undefined
      ? this.#pool.query<{ id: string }>(LIST, parameters)
      : this.#pool.query<{ id: string }>(LIST_NAMED, [...parameters, storable(name)]));
    return rows.map(({ id }) => id);
  }

  /**
   * Writes flows that have ended, in place of what Postgres has of them. A repeat is harmless, also after a retry.
   */
  async save(flows: readonly FlowState[]): Promise<void> {
    await saveFlows((sql, values) => this.#pool.query(sql, values), this.#namespace, flows);
  }

  /**
   * The ids of finished jobs of these ranges that have one of the statuses, after an id, in their order.
   * @param ranges of one flow
   */
  async jobIds(
    ranges: readonly IdRange[],
    { status, after, limit }: { status: readonly TerminalStatus[]; after?: string; limit: number },
  ): Promise<string[]> {
    const lasts = ranges.map(lastOf);
    const [lowest] = ranges.map(({ first }) => first).sort();
    const highest = [...lasts].sort().at(-1);
    if (lowest === undefined || status.length === 0) return [];
    const rows = await this.#pool.query<{ id: string }>(status.includes("completed") ? JOBS : UNSUCCESSFUL_JOBS, [
      ranges.map(({ first }) => first),
      lasts,
      after !== undefined && after > lowest ? after : lowest,
      highest,
      status,
      limit,
      after ?? null,
    ]);
    return rows.map(({ id }) => id);
  }

  /**
   * How these jobs ended, in the order of ids, as far as they have a row.
   * @returns `isCut` if there are more: their results do not fit into memory together with these
   */
  async outcomes(ids: readonly string[]): Promise<{ readonly jobs: readonly BatchJob[]; readonly isCut: boolean }> {
    if (ids.length === 0) return { jobs: [], isCut: false };
    const sorted = [...ids].sort();
    const parameters = [sorted, sorted[0], sorted.at(-1), MAX_RESULT_BYTES];
    const rows = await this.#pool.query<BatchJob & { readonly found: number }>(OUTCOMES, parameters);
    const jobs = rows.map(({ id, status, result, error }) => ({ id, status, result, error }));
    return { jobs, isCut: jobs.length < (rows[0]?.found ?? 0) };
  }

  /**
   * Notes what Redis has decided about a durable flow that runs, so that it is known if Redis loses it. It changes nothing
   * if there is no such row.
   */
  async note(
    id: string,
    { closedBy = null, isCancelRequested = false }: Partial<Pick<FlowState, "closedBy" | "isCancelRequested">>,
  ): Promise<void> {
    await this.#pool.query(NOTE, [id, closedBy, isCancelRequested]);
  }

  /** What was committed with this Idempotency-Key; undefined if Postgres does not know the key. */
  async knownKey(key: string): Promise<KnownKey | undefined> {
    type Row = { readonly fingerprint: string; readonly first_id: string };
    const [row] = await this.#pool.query<Row>(KNOWN_KEY, [this.#namespace, key]);
    return row && { fingerprint: row.fingerprint, firstId: row.first_id };
  }

  /** The submissions of those of these jobs that have a row, in any order. */
  async finished(ids: readonly string[]): Promise<FinishedSubmission[]> {
    if (ids.length === 0) return [];
    const sorted = [...ids].sort();
    const rows = await this.#pool.query<RetriedRow>(RETRIED_JOBS, [sorted, sorted[0], sorted.at(-1)]);
    return rows.map(finishedSubmission);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
