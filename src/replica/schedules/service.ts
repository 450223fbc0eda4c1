/** Schedules: definitions and runs in Postgres, working copies in Redis. A change commits in Postgres first. */
import { randomUUID } from "node:crypto";
import type { ScheduleCopies } from "../../core/schedules/copies.ts";
import { readDefinition } from "../../core/schedules/definition.ts";
import type { CatchUpPolicy, SchedulePause, ScheduleRun, StoredSchedule } from "../../core/schedules/schedule.ts";
import type {
  Put,
  PutOptions,
  RunPosition,
  ScheduleDetails,
  ScheduleFilter,
  SchedulePage,
  Schedules,
} from "../../core/schedules/schedules.ts";
import { isEnded } from "../../core/schedules/state.ts";
import { CodedError } from "../../errors.ts";
import type { ChangeOptions } from "../../results/schedules/changes.ts";
import { isPaused, paused, removed, resumed, reverted, withDefinition } from "../../results/schedules/changes.ts";
import type { ScheduleRow } from "../../results/schedules/schedule-row.ts";
import type { ScheduleStore, TickJobId } from "../../results/schedules/schedule-store.ts";
import { APPLY_LIMIT, Applier, type ApplierOptions } from "./applier.ts";
import { applyFiles, type ScheduleFile } from "./files.ts";
import { ScheduleSync, type ScheduleSyncOptions } from "./sync.ts";

/** A tick is late that is overdue for longer. */
const LATE_MS = 60_000;
/** Due schedules that a search for late ones reads. Those that are due for the longest come first. */
const MAX_LATE = 1_000;

export interface ScheduleServiceOptions {
  readonly store: ScheduleStore;
  readonly copies: ScheduleCopies;
  readonly tickingOf: ApplierOptions["tickingOf"];
  /** Epoch ms, Redis's. */
  readonly now: () => number;
  /** As in {@link ScheduleSyncOptions}. */
  readonly runId: ScheduleSyncOptions["runId"];
  /** Called when Redis and Postgres could not be brought together; it is tried again. */
  readonly onError: (error: unknown) => void;
  /** Called with a run that Postgres cannot store. */
  readonly onDropped: (run: ScheduleRun, error: unknown) => void;
  readonly periodMs?: number;
}

export class ScheduleService implements Schedules {
  readonly #options: ScheduleServiceOptions;
  readonly #store: ScheduleStore;
  readonly #applier: Applier;
  readonly #sync: ScheduleSync;
  #closing: Promise<void> | undefined;

  constructor(options: ScheduleServiceOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#applier = new Applier(options);
    this.#sync = new ScheduleSync({ ...options, applier: this.#applier });
  }

  /** Applies what others left, now and from time to time. */
  start(): void {
    this.#sync.start();
  }

  /**
   * Makes the schedules of files what the files say, and removes those whose files are gone. @returns names by what
   * happened to them
   */
  async applyFiles(files: readonly ScheduleFile[]): ReturnType<typeof applyFiles> {
    const applied = await applyFiles(this.#store, files, this.#options.now());
    this.#sync.wake();
    return applied;
  }

  async put(name: string, definition: string, options: PutOptions): Promise<Put> {
    const made: { kind: Put["kind"] } = { kind: "conflict" };
    const row = await this.#store.change(name, (before) => {
      const after = withDefinition(before, definition, options, this.#change(name));
      if (after !== undefined)
        made.kind = after === before ? "unchanged" : after.id === before?.id ? "replaced" : "created";
      return after;
    });
    const { kind } = made;
    if (kind === "conflict" || !row) return { kind: "conflict" };
    if (kind !== "unchanged") await this.#apply(row);
    return { kind, schedule: await this.#detailsOf(row) };
  }

  async get(name: string): Promise<ScheduleDetails | undefined> {
    const row = await this.#store.get(name);
    return row && this.#detailsOf(row);
  }

  async list(filter: ScheduleFilter): Promise<SchedulePage> {
    const now = this.#options.now();
    const { state, isLate = false } = filter;
    const rows = await this.#store.list(filter, now, isLate ? await this.#maybeLate(now) : undefined);
    const details = await this.#details(rows);
    return {
      schedules: details.filter(
        (one, i) =>
          (state === undefined || stateOf(one, rows[i]) === state) && (!isLate || isOverdue(one, now - LATE_MS)),
      ),
      next: rows.length < filter.limit ? null : (rows.at(-1)?.name ?? null),
    };
  }

  async remove(name: string, ifMatch?: number): Promise<StoredSchedule | "conflict" | undefined> {
    let answer: "conflict" | "removed" | undefined;
    const row = await this.#store.change(name, (before) => {
      answer = undefined;
      if (!before || before.isRemoved) return undefined;
      answer = ifMatch === undefined || ifMatch === before.version ? "removed" : "conflict";
      return answer === "removed" ? removed(before, this.#options.now()) : undefined;
    });
    if (answer === "conflict") return "conflict";
    if (answer === undefined || !row) {
      await this.#sync.removeStray(name);
      return undefined;
    }
    await this.#apply(row);
    await this.#sync.drain();
    return row;
  }

  pause(name: string, pause: SchedulePause): Promise<ScheduleDetails | undefined> {
    return this.#changePresent(name, (row) => paused(row, pause, this.#options.now()));
  }

  resume(name: string, catchUp: CatchUpPolicy): Promise<ScheduleDetails | undefined> {
    return this.#changePresent(name, (row) => resumed(row, catchUp, this.#options.now()));
  }

  async revert(name: string): Promise<ScheduleDetails | "no_file" | undefined> {
    const made: { row?: ReturnType<typeof reverted>; isChanged: boolean } = { isChanged: false };
    const row = await this.#store.change(name, (before) => {
      made.row = reverted(before, this.#change(name));
      made.isChanged = made.row !== before;
      return made.row === "no_file" ? undefined : made.row;
    });
    if (made.row === undefined || made.row === "no_file") return made.row;
    if (!row) return undefined;
    if (made.isChanged) await this.#apply(row);
    return this.#detailsOf(row);
  }

  async runs(
    schedule: StoredSchedule,
    page: { readonly limit: number; readonly after?: RunPosition },
  ): Promise<readonly ScheduleRun[]> {
    await this.#sync.drain();
    return this.#store.runs(schedule, page);
  }

  addRuns(runs: readonly ScheduleRun[]): Promise<void> {
    return this.#store.addRuns(runs);
  }

  /**
   * Those of the schedules whose last jobs all failed, since the definition changed or somebody resumed them.
   * @param asked each id with the number of jobs (`pause_after_failures`)
   */
  async failing(asked: readonly { readonly id: string; readonly failures: number }[]): Promise<Set<string>> {
    await this.#sync.drain();
    return this.#store.failing(asked);
  }

  /** As {@link ScheduleStore.decidedOtherwise}. */
  decidedOtherwise(jobs: readonly TickJobId[]): Promise<Set<string>> {
    return this.#store.decidedOtherwise(jobs);
  }

  /** This replica has decided ticks: their runs are stored soon. */
  decided(): void {
    this.#sync.decided();
  }

  close(): Promise<void> {
    this.#closing ??= this.#sync.close().then(() => this.#store.close());
    return this.#closing;
  }

  async #changePresent(name: string, change: (row: ScheduleRow) => ScheduleRow): Promise<ScheduleDetails | undefined> {
    let before: ScheduleRow | undefined;
    const row = await this.#store.change(name, (stored) => {
      before = stored?.isRemoved === false ? stored : undefined;
      return before && change(before);
    });
    if (!before || !row) return undefined;
    if (row !== before) await this.#apply(row);
    return this.#detailsOf(row);
  }

  /** Rejects while Redis is away. */
  async #maybeLate(now: number): Promise<string[]> {
    const { copies } = this.#options;
    const names = await copies.due(now, MAX_LATE);
    const late: string[] = [];
    for (let first = 0; first < names.length; first += APPLY_LIMIT) {
      const page = names.slice(first, first + APPLY_LIMIT);
      const states = await copies.read(page);
      late.push(...page.filter((_, i) => (states[i]?.state.next ?? now) < now - LATE_MS));
    }
    return late;
  }

  #change(name: string): ChangeOptions {
    return { name, now: this.#options.now(), id: randomUUID() };
  }

  /** The change is made: if Redis is away, the sync applies it later. */
  async #apply(row: ScheduleRow): Promise<void> {
    try {
      await this.#applier.apply([row]);
    } catch (error) {
      this.#options.onError(error);
    }
    this.#sync.wake();
  }

  async #detailsOf(row: ScheduleRow): Promise<ScheduleDetails> {
    const [details] = await this.#details([row]);
    return details as ScheduleDetails;
  }

  /** The schedules with their states, as far as Redis has them. */
  async #details(rows: readonly ScheduleRow[]): Promise<ScheduleDetails[]> {
    const now = this.#options.now();
    const details: ScheduleDetails[] = [];
    for (let first = 0; first < rows.length; first += APPLY_LIMIT) {
      const page = rows.slice(first, first + APPLY_LIMIT);
      const states = await this.#options.copies.read(page.map(({ name }) => name)).catch(ifAway);
      page.forEach((row, i) => {
        const state = states[i]?.state;
        const isCurrent = state?.id === row.id && state.revision >= row.revision;
        details.push({ ...row, pause: isPaused(row, now) ? row.pause : null, state: isCurrent ? state : null });
      });
    }
    return details;
  }
}

/** Whether the next tick, with its delay, was before a time. */
function isOverdue({ pause, state, definition }: ScheduleDetails, time: number): boolean {
  if (pause || !state || state.pause || state.next === null) return false;
  return state.next + readDefinition(definition).jitterMs < time;
}

function ifAway(error: unknown): readonly undefined[] {
  if (error instanceof CodedError) return [];
  throw error;
}

function stateOf({ pause, state }: ScheduleDetails, row: ScheduleRow | undefined): ScheduleFilter["state"] {
  if (pause) return "paused";
  return (state ? isEnded(state) : row?.isEnded === true) ? "ended" : "active";
}
