/**
 * Brings Redis and Postgres together: applies changes that a dead replica has left, compares all schedules after Redis may
 * have lost some (it was emptied or restarted, or failed over), and stores the runs that were decided. One replica at a time does this. Where there are no schedules, it is a
 * query every half minute.
 */
import { randomUUID } from "node:crypto";
import { Periodic } from "../../concurrency/periodic.ts";
import type { PendingRun, ScheduleCopies } from "../../core/schedules/copies.ts";
import type { ScheduleRun } from "../../core/schedules/schedule.ts";
import { failureOf } from "../../postgres/failure.ts";
import type { RowSet, ScheduleStore } from "../../results/schedules/schedule-store.ts";
import { APPLY_LIMIT, type Applier } from "./applier.ts";

const PERIOD_MS = 2_000;
/** Without schedules, it only finds one whose replica died between commit and Redis. */
const IDLE_PERIOD_MS = 30_000;
/** Runs wait so long for others, to be stored together. */
const LINGER_MS = 200;
/** Runs of one transaction: about a millisecond of the event loop. */
const RUNS_LIMIT = 200;

export interface ScheduleSyncOptions {
  readonly store: Pick<ScheduleStore, "pending" | "alone" | "page" | "named" | "addRuns" | "strays">;
  readonly copies: ScheduleCopies;
  readonly applier: Applier;
  /** Identifies the process of the Redis server, and changes with each start and failover; "" if that is not known. */
  readonly runId: () => Promise<string>;
  readonly onError: (error: unknown) => void;
  /** Called with a run that Postgres cannot store. */
  readonly onDropped: (run: ScheduleRun, error: unknown) => void;
  readonly periodMs?: number;
}

export class ScheduleSync {
  readonly #options: ScheduleSyncOptions;
  readonly #runs: Periodic;
  readonly #drains: Periodic;
  #linger: NodeJS.Timeout | undefined;
  /** The process of Redis whose schedules were compared with Postgres. */
  #comparedRunId: string | undefined;

  constructor(options: ScheduleSyncOptions) {
    const { onError, periodMs = PERIOD_MS } = options;
    this.#options = options;
    this.#runs = new Periodic({ task: (signal) => this.#run(signal), periodMs, jitter: 0.1, onError });
    this.#drains = new Periodic({ task: (signal) => this.#drain(signal), periodMs, onError });
  }

  /** The first run begins at once. */
  start(): void {
    this.#runs.start();
    this.#runs.wake();
  }

  /** Runs soon: there is a change that Redis may not have. */
  wake(): void {
    this.#runs.wake();
  }

  /**
   * Stores runs soon: this replica has decided some. Where it goes on deciding, jobs come first, and the next periodic
   * run stores the runs.
   */
  decided(): void {
    if (this.#linger) this.#linger.refresh();
    else
      this.#linger = setTimeout(() => {
        this.#linger = undefined;
        this.#runs.wake();
      }, LINGER_MS);
  }

  /** Resolves when Postgres has the runs that Redis had before, or an attempt to store them has failed. */
  drain(): Promise<void> {
    return this.#drains.runNow();
  }

  /** Removes the copy of a schedule that Postgres does not have. */
  async removeStray(name: string): Promise<void> {
    const [found] = await this.#options.copies.read([name]);
    if (found) await this.#mendStrays([{ name, id: found.state.id, version: found.state.version }]);
  }

  /** Ends the current run. Idempotent. */
  async close(): Promise<void> {
    clearTimeout(this.#linger);
    await Promise.all([this.#runs.close(), this.#drains.close()]);
  }

  async #run(signal: AbortSignal): Promise<number | undefined> {
    const { store, copies, runId, periodMs } = this.#options;
    const { hasSchedules, hasUnapplied } = await store.pending();
    if (!hasSchedules) return periodMs ?? IDLE_PERIOD_MS;
    const [isLoaded, { runs }, id] = await Promise.all([copies.isLoaded(), copies.pendingRuns(1), runId()]);
    const isCompared = isLoaded && id === this.#comparedRunId;
    if (isCompared && !hasUnapplied && runs.length === 0) return undefined;
    await store.alone(async () => {
      await this.#drain(signal); // before states are made from the history
      if (isCompared) {
        if (hasUnapplied) await this.#applyAll("unapplied", signal);
        return;
      }
      await this.#load(signal);
      if (!signal.aborted) this.#comparedRunId = id;
    });
    return undefined;
  }

  async #load(signal: AbortSignal): Promise<void> {
    const { copies } = this.#options;
    const token = randomUUID();
    await copies.startLoading(token);
    await this.#applyAll("all", signal);
    if (!signal.aborted) await copies.finishLoading(token);
  }

  async #applyAll(rows: RowSet, signal: AbortSignal): Promise<void> {
    const { store, applier } = this.#options;
    let after: string | undefined;
    while (!signal.aborted) {
      const page = await store.page(rows, APPLY_LIMIT, after);
      await applier.apply(page);
      after = page.at(-1)?.name;
      if (page.length < APPLY_LIMIT) return;
    }
  }

  async #drain(signal: AbortSignal): Promise<void> {
    const { copies } = this.#options;
    while (!signal.aborted) {
      const { runs, texts } = await copies.pendingRuns(RUNS_LIMIT);
      if (runs.length === 0) return;
      await this.#add(runs);
      await this.#mendStrays(copiesOf(runs));
      await copies.acknowledge(texts);
      if (runs.length < RUNS_LIMIT) return;
    }
  }

  /** A run that Postgres cannot store must not keep the others from being stored. */
  async #add(runs: readonly PendingRun[]): Promise<void> {
    try {
      const ended = runs.filter(({ isLast }) => isLast).map(({ schedule: id, version }) => ({ id, version }));
      await this.#options.store.addRuns(runs, ended);
    } catch (error) {
      const [run] = runs;
      if (failureOf(error) !== "bad_row" || !run) throw error;
      if (runs.length === 1) this.#options.onDropped(run, error);
      else for (const each of runs) await this.#add([each]);
    }
  }

  /** After the database was restored from a backup, Redis may have schedules that it does not have, or newer ones. */
  async #mendStrays(copies: Parameters<ScheduleStore["strays"]>[0]): Promise<void> {
    const { store, applier } = this.#options;
    const strays = await store.strays(copies);
    const [gone, newer] = [strays.filter(({ hasRow }) => !hasRow), strays.filter(({ hasRow }) => hasRow)];
    for (const page of pagesOf(gone)) await this.#options.copies.remove(page);
    for (const page of pagesOf(newer)) await applier.apply(await store.named(page.map(({ name }) => name)));
  }
}

function pagesOf<Item>(items: readonly Item[]): (readonly Item[])[] {
  const count = Math.ceil(items.length / APPLY_LIMIT);
  return Array.from({ length: count }, (_, page) => items.slice(page * APPLY_LIMIT, (page + 1) * APPLY_LIMIT));
}

/** The distinct schedules of runs, each with its highest version. */
function copiesOf(runs: readonly ScheduleRun[]): Parameters<ScheduleStore["strays"]>[0] {
  const copies = new Map<string, { name: string; id: string; version: number }>();
  for (const { schedule, name, version } of runs)
    copies.set(schedule, { name, id: schedule, version: Math.max(version, copies.get(schedule)?.version ?? 0) });
  return [...copies.values()];
}
