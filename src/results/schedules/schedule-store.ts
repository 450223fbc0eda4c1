/** Schedules and their history in Postgres. Every method rejects with `store_unavailable` while Postgres is away. */
import type { ScheduleRun, ScheduleState, StoredSchedule } from "../../core/schedules/schedule.ts";
import type { RunPosition, ScheduleFilter } from "../../core/schedules/schedules.ts";
import { ReadPool } from "../../postgres/read-pool.ts";
import { readSql } from "../../postgres/sql.ts";
import type { RunRow, ScheduleRow, SelectedRow } from "./schedule-row.ts";
import { parametersOf, runOf, scheduleOf } from "./schedule-row.ts";

const LOCK = readSql(new URL("./lock.sql", import.meta.url));
const LEAD = readSql(new URL("./lead.sql", import.meta.url));
const SELECT = readSql(new URL("./select.sql", import.meta.url));
const WRITE = readSql(new URL("./write.sql", import.meta.url));
const APPLIED = readSql(new URL("./applied.sql", import.meta.url));
const PENDING = readSql(new URL("./pending.sql", import.meta.url));
const ADD_RUNS = readSql(new URL("./runs-add.sql", import.meta.url));
const LOCK_RUNS = readSql(new URL("./runs-lock.sql", import.meta.url));
const ENDED = readSql(new URL("./ended.sql", import.meta.url));
const LAST_FIRED = readSql(new URL("./last-fired.sql", import.meta.url));
const LIST_RUNS = readSql(new URL("./runs-list.sql", import.meta.url));
const STRAYS = readSql(new URL("./strays.sql", import.meta.url));
const DECIDED_OTHERWISE = readSql(new URL("./decided-otherwise.sql", import.meta.url));
const FAILING = readSql(new URL("./failing.sql", import.meta.url));

/** One for the sync while it leads, and two for reads and changes. */
const CONNECTIONS = 3;

/** Which rows {@link ScheduleStore.page} returns: `all` includes removed schedules. */
export type RowSet = "all" | "unapplied" | "of_files";

/** What Redis has of a schedule. */
export interface AppliedRevision {
  readonly name: string;
  readonly revision: number;
  readonly isEnded: boolean;
}

/** The job of a tick, epoch ms, of the schedule of this name. */
export interface TickJobId {
  readonly name: string;
  readonly tick: number;
  readonly id: string;
}

export class ScheduleStore {
  readonly #pool: ReadPool;

  constructor(databaseUrl: string) {
    this.#pool = new ReadPool(
      databaseUrl,
      "schedules",
      CONNECTIONS,
      "Postgres has the schedules, and cannot be used now",
    );
  }

  /** The schedule of this name; undefined if there is none, or it was removed. */
  async get(name: string): Promise<ScheduleRow | undefined> {
    return (await this.#select({ names: [name], limit: 1, rows: "present" }))[0];
  }

  /**
   * Those that pass the filter, by name; `isLate` is left to the caller.
   * @param now epoch ms: a pause with an end may be over
   * @param names only these, if given
   */
  list(
    { type, tag, state, limit, after }: ScheduleFilter,
    now: number,
    names?: readonly string[],
  ): Promise<ScheduleRow[]> {
    return this.#select({ type, tag, state, limit, after, now, ...(names && { names }), rows: "present" });
  }

  /** A page of rows by name, after a name. */
  page(rows: RowSet, limit: number, after?: string): Promise<ScheduleRow[]> {
    return this.#select({ rows, limit, after });
  }

  /** The rows of these names, including removed schedules. */
  named(names: readonly string[]): Promise<ScheduleRow[]> {
    return this.#select({ names, limit: names.length, rows: "all" });
  }

  /**
   * Changes a row. Changes of one name run one after the other, on all replicas.
   * @param change gets the row, or that of a removed schedule, and returns the new one; undefined, or the row itself, to
   * change nothing
   * @param above the new revision is higher than this one
   * @returns the row as it now is
   */
  change(
    name: string,
    change: (row: ScheduleRow | undefined) => ScheduleRow | undefined,
    above = 0,
  ): Promise<ScheduleRow | undefined> {
    return this.#pool.transact(async (client) => {
      await client.query(LOCK, [name]);
      const found = await client.query<SelectedRow>(
        SELECT,
        parametersOfSelect({ names: [name], limit: 1, rows: "all" }),
      );
      const before = found.rows[0] && scheduleOf(found.rows[0]);
      const after = change(before);
      if (after === undefined || after === before) return before;
      const { rows } = await client.query<Pick<ScheduleRow, "revision" | "applied">>(WRITE, parametersOf(after, above));
      return { ...after, ...rows[0] };
    });
  }

  /** Notes what Redis has; a later revision of the row still counts as not applied. */
  async applied(revisions: readonly AppliedRevision[]): Promise<void> {
    const columns = [
      revisions.map(({ name }) => name),
      revisions.map(({ revision }) => revision),
      revisions.map(({ isEnded }) => isEnded),
    ];
    if (revisions.length > 0) await this.#pool.query(APPLIED, columns);
  }

  /** Whether there are schedules, and whether Redis lacks some of their changes. Costs next to nothing. */
  async pending(): Promise<{ readonly hasSchedules: boolean; readonly hasUnapplied: boolean }> {
    const [row] = await this.#pool.query<{ has_schedules: boolean; has_unapplied: boolean }>(PENDING, []);
    return { hasSchedules: row?.has_schedules ?? false, hasUnapplied: row?.has_unapplied ?? false };
  }

  /** Runs `work`, which may use this store, unless another replica does so now. Rejects as `work` does. */
  async alone(work: () => Promise<void>): Promise<void> {
    const failures: unknown[] = []; // not those of Postgres alone
    await this.#pool.transact(async (client) => {
      const { rows } = await client.query<{ leads: boolean }>(LEAD);
      if (rows[0]?.leads === true) await work().catch((error: unknown) => failures.push(error));
    });
    if (failures.length > 0) throw failures[0];
  }

  /**
   * Adds runs; those that are stored already stay as they are.
   * @param ended schedules that had no tick left in these versions
   */
  async addRuns(
    runs: readonly ScheduleRun[],
    ended: readonly Pick<StoredSchedule, "id" | "version">[] = [],
  ): Promise<void> {
    if (runs.length === 0) return;
    await this.#pool.transact(async (client) => {
      await client.query(LOCK_RUNS);
      await client.query(ADD_RUNS, [JSON.stringify(runs)]);
      if (ended.length > 0) await client.query(ENDED, [ended.map(({ id }) => id), ended.map(({ version }) => version)]);
    });
  }

  /** By id: the last tick that each of these schedules fired, if the history has one. */
  async lastFired(ids: readonly string[]): Promise<Map<string, NonNullable<ScheduleState["last"]>>> {
    const rows = await this.#pool.query<{ id: string; tick: number; job_id: string }>(LAST_FIRED, [ids]);
    return new Map(rows.map(({ id, tick, job_id }) => [id, { tick, jobId: job_id }]));
  }

  /** By tick, newest first. @param after the last run of the page before */
  async runs(
    schedule: Pick<StoredSchedule, "name" | "id">,
    { limit, after }: { readonly limit: number; readonly after?: RunPosition },
  ): Promise<ScheduleRun[]> {
    const position = [after?.tick ?? null, after?.kind ?? null, after?.jobId ?? null];
    const rows = await this.#pool.query<RunRow>(LIST_RUNS, [schedule.id, limit, ...position]);
    return rows.map((row) => runOf(schedule, row));
  }

  /** Of these copies in Redis, those that contradict Postgres: it has another id for the name, or a lower version. */
  async strays(
    copies: readonly Pick<StoredSchedule, "name" | "id" | "version">[],
  ): Promise<{ readonly name: string; readonly id: string; readonly hasRow: boolean }[]> {
    const columns = [copies.map(({ name }) => name), copies.map(({ id }) => id), copies.map(({ version }) => version)];
    const rows = await this.#pool.query<{ name: string; id: string; has_row: boolean }>(STRAYS, columns);
    return rows.map(({ name, id, has_row }) => ({ name, id, hasRow: has_row }));
  }

  /** The ids of those jobs whose tick has a run without a job, or with another one. */
  async decidedOtherwise(jobs: readonly TickJobId[]): Promise<Set<string>> {
    const columns = [jobs.map(({ name }) => name), jobs.map(({ tick }) => tick), jobs.map(({ id }) => id)];
    const rows = await this.#pool.query<{ job_id: string }>(DECIDED_OTHERWISE, columns);
    return new Set(rows.map(({ job_id }) => job_id));
  }

  /**
   * Those of the schedules whose last jobs all failed, since the definition changed or somebody resumed them.
   * @param asked each id with the number of jobs
   */
  async failing(asked: readonly { readonly id: string; readonly failures: number }[]): Promise<Set<string>> {
    const columns = [asked.map(({ id }) => id), asked.map(({ failures }) => failures)];
    return new Set((await this.#pool.query<{ id: string }>(FAILING, columns)).map(({ id }) => id));
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #select(selection: Selection): Promise<ScheduleRow[]> {
    return (await this.#pool.query<SelectedRow>(SELECT, parametersOfSelect(selection))).map(scheduleOf);
  }
}

interface Selection {
  readonly names?: readonly string[];
  readonly after?: string | undefined;
  readonly limit: number;
  readonly type?: string | undefined;
  readonly tag?: string | undefined;
  readonly state?: string | undefined;
  readonly now?: number;
  readonly rows: RowSet | "present";
}

/** The parameters of select.sql. */
function parametersOfSelect({ names, after, limit, type, tag, state, now, rows }: Selection): unknown[] {
  return [names ?? null, after ?? null, limit, type ?? null, tag ?? null, state ?? null, now ?? 0, rows];
}
