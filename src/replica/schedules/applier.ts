/**
 * Brings changes of schedules from Postgres to Redis. Each change commits in Postgres first, with a higher revision; then
 * any replica may bring it to Redis, and later again without effect.
 */
import type { CopyChange, ScheduleCopies, StateInRedis, WorkingCopy } from "../../core/schedules/copies.ts";
import type { TickingSchedule } from "../../core/schedules/decide.ts";
import { lookAtOf } from "../../core/schedules/decide.ts";
import type { ScheduleState, StoredSchedule } from "../../core/schedules/schedule.ts";
import { changedState, firstState, isEnded } from "../../core/schedules/state.ts";
import { QueueUnavailable } from "../../errors.ts";
import { isPaused } from "../../results/schedules/changes.ts";
import type { ScheduleRow } from "../../results/schedules/schedule-row.ts";
import type { AppliedRevision, ScheduleStore } from "../../results/schedules/schedule-store.ts";

/** Schedules of one call. */
export const APPLY_LIMIT = 200;
/** How often a change is tried again because a tick or another change came between. */
const MAX_TRIES = 10;

export interface ApplierOptions {
  readonly store: Pick<ScheduleStore, "applied" | "named" | "change" | "lastFired">;
  readonly copies: Pick<ScheduleCopies, "read" | "put" | "remove">;
  /** Rejects for a definition that cannot be read. */
  readonly tickingOf: (schedule: WorkingCopy) => TickingSchedule | Promise<TickingSchedule>;
  /** Epoch ms, Redis's. */
  readonly now: () => number;
  /** Called for a schedule that cannot be applied; the others are. */
  readonly onError: (error: unknown) => void;
}

export class Applier {
  readonly #options: ApplierOptions;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /**
   * Applies rows, {@link APPLY_LIMIT} at most, and notes in Postgres what Redis has.
   * @throws as calls of the queue and the store do; then a later call applies the rest
   */
  async apply(given: readonly ScheduleRow[]): Promise<void> {
    let rows = given;
    for (let tries = 0; rows.length > 0; tries += 1) {
      if (tries === MAX_TRIES) throw new QueueUnavailable("schedules change too often to be brought to Redis");
      const names = await this.#applyOnce(rows, tries);
      rows = names.length === 0 ? [] : await this.#options.store.named(names);
    }
  }

  /** @returns the names of the rows that must be read and applied again */
  async #applyOnce(rows: readonly ScheduleRow[], tries: number): Promise<string[]> {
    const { store, copies, onError } = this.#options;
    const states = await copies.read(rows.map(({ name }) => name));
    const lastFired = await this.#lastFired(rows.filter((row, i) => states[i]?.state.id !== row.id));
    const again: string[] = [];
    const changes: CopyChange[] = [];
    const applied: AppliedRevision[] = [];
    for (const [i, row] of rows.entries()) {
      const { name, revision } = row;
      const before = states[i];
      if (row.isRemoved) {
        await copies.remove([row]);
        applied.push({ name, revision, isEnded: false });
      } else if (before?.state.id === row.id && before.state.revision === revision) {
        const hasEnded = isEnded(before.state);
        if (row.applied !== revision || row.isEnded !== hasEnded) applied.push({ name, revision, isEnded: hasEnded });
      } else if (before && before.state.revision >= revision) {
        // the row is old; if it still is after another read, the database was restored from a backup
        if (tries > 0) await store.change(name, (stored) => stored && { ...stored }, before.state.revision);
        again.push(name);
      } else {
        try {
          changes.push(await this.#change(row, before, lastFired.get(row.id) ?? null));
        } catch (error) {
          onError(error);
        }
      }
    }
    const done = await copies.put(changes);
    for (const [i, { copy, state }] of changes.entries()) {
      if (done[i] === true) applied.push({ name: copy.name, revision: copy.revision, isEnded: isEnded(state) });
      else again.push(copy.name);
    }
    await store.applied(applied);
    return again;
  }

  async #lastFired(rows: readonly ScheduleRow[]): Promise<ReadonlyMap<string, NonNullable<ScheduleState["last"]>>> {
    const ids = rows.filter(({ lastRun }) => lastRun !== null).map(({ id }) => id);
    return ids.length === 0 ? new Map() : this.#options.store.lastFired(ids);
  }

  async #change(row: ScheduleRow, before: StateInRedis | undefined, last: ScheduleState["last"]): Promise<CopyChange> {
    const { tickingOf, now: clock } = this.#options;
    const { name, id, version, revision, definition, apiKey } = row;
    const copy = { name, id, version, revision, definition, apiKey };
    const ticking = await tickingOf(copy);
    const now = clock();
    const state =
      before?.state.id === id
        ? changedState(ticking, before.state, { ...row, pause: pauseAfter(row, now) }, now)
        : firstState(ticking, row, { last, counts: row.counts });
    return { copy, before: before?.text, state, lookAt: lookAtOf(ticking, state, now) };
  }
}

/** The pause of a state that was made before: somebody may have ended it. A pause that ended by itself ends in a decision. */
function pauseAfter(row: Pick<StoredSchedule, "pause" | "resumeCatchUp">, now: number): StoredSchedule["pause"] {
  return row.resumeCatchUp !== null && !isPaused(row, now) ? null : row.pause;
}
