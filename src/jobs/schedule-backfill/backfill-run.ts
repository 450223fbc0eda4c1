/**
 * One attempt at a backfill. All attempts use the definition that the schedule had when the first one started: it is
 * saved with the position of the walk, if it fits.
 */
import { timeOfId } from "../../core/id.ts";
import type { AttemptContext } from "../../core/job-type.ts";
import { MAX_STATE_LENGTH } from "../../core/saved-state.ts";
import type { Backfill, BackfilledSchedule, BackfillRange, Backfills } from "../../core/schedules/backfill.ts";
import { isTooLong, MAX_RANGE_YEARS, readRange } from "../../core/schedules/backfill.ts";
import { loadCron } from "../../core/schedules/cron.ts";
import type { TickingSchedule } from "../../core/schedules/decide.ts";
import { readDefinition } from "../../core/schedules/definition.ts";
import { oldestTicks, ticksOfSchedule } from "../../core/schedules/timing.ts";
import type { BulkOperation, Position } from "../bulk/walk.ts";
import { START } from "../bulk/walk.ts";
import { backfillError } from "./error-codes.ts";

/** Ticks computed at once: 4 ms at 20 µs each. */
const PAGE = 200;
/** The state also has the position. */
const MAX_PINNED_LENGTH = MAX_STATE_LENGTH - 1_024;
/** Two replicas may differ by so much in their estimates of Redis's clock. */
const CLOCK_TOLERANCE_MS = 1_000;

export interface BackfillPayload {
  readonly name: string;
  readonly from: string;
  readonly to?: string;
  readonly rate: number;
  readonly max: number;
}

/** The schedule at the start of the first attempt. */
interface Pinned {
  readonly id: string;
  readonly version: number;
  /** Absent if it is too long to be saved. */
  readonly definition?: string;
}

/** What a backfill saves: its ticks take the place of ids in the position. */
interface SavedBackfill extends Position {
  readonly schedule: Pinned;
}

interface Started {
  readonly pinned: Pinned;
  readonly ticking: TickingSchedule;
  readonly range: BackfillRange;
}

export type BackfillContext = Pick<AttemptContext<Backfills>, "jobId" | "resource" | "state" | "save" | "log">;

export class BackfillRun {
  readonly #payload: BackfillPayload;
  readonly #context: BackfillContext;
  #started: Started | undefined;
  #isInvalidLogged = false;

  constructor(payload: BackfillPayload, context: BackfillContext) {
    this.#payload = payload;
    this.#context = context;
  }

  /** The walk over the ticks, oldest first. Its first call pins the schedule. */
  readonly operation: BulkOperation = {
    matching: (after) => this.#pages(after),
    remaining: async (after) => {
      const { ticking, range } = await this.#start();
      return ticking.ticks.count(lastBefore(range, after), range.to - 1);
    },
    act: async (ticks) => {
      const { pinned, ticking } = await this.#start();
      const { name, rate } = this.#payload;
      if ((await this.#context.resource.find(name))?.id !== pinned.id) throw deleted(name);
      const { id, version } = pinned;
      const backfill: Backfill = { id: this.#context.jobId, rate, schedule: { id, version, ...ticking } };
      const acted = await this.#context.resource.submit(backfill, ticks.map(Number));
      if (acted.invalid !== undefined && !this.#isInvalidLogged)
        this.#context.log("ticks are skipped whose jobs are not valid", { error: acted.invalid });
      this.#isInvalidLogged ||= acted.invalid !== undefined;
      return acted;
    },
  };

  /** Saves the position of the walk, with the schedule. */
  readonly save = async (position: unknown): Promise<void> => {
    const { save } = this.#context;
    if (!save) throw new Error("a backfill runs on the main thread of a replica");
    const schedule = this.#started?.pinned;
    await save(schedule ? { ...(position as Position), schedule } : position);
  };

  async *#pages(after: string | undefined): AsyncGenerator<{ readonly ids: string[]; readonly reached: string }> {
    const { ticking, range } = await this.#start();
    for (let last = lastBefore(range, after); ; ) {
      const ticks = oldestTicks(ticking.ticks, last, range.to - 1, PAGE);
      last = ticks.at(-1) ?? last;
      if (ticks.length === 0) return;
      yield { ids: ticks.map(String), reached: String(last) };
    }
  }

  async #start(): Promise<Started> {
    return (this.#started ??= await this.#read());
  }

  async #read(): Promise<Started> {
    const { name, max, ...times } = this.#payload;
    const { jobId, resource, state } = this.#context;
    const acceptedAt = timeOfId(jobId);
    const { from, to } = readRange(times, acceptedAt);
    const range = { from, to: Math.min(to, acceptedAt) };
    if (isTooLong(range))
      throw backfillError.permanent("too_many_ticks", `The range is longer than ${MAX_RANGE_YEARS} years.`);
    const now = await resource.find(name);
    const before = (state as SavedBackfill | undefined)?.schedule;
    if (!now || (before ? now.id !== before.id : now.createdAt > acceptedAt + CLOCK_TOLERANCE_MS)) throw deleted(name);
    await loadCron();
    if (before) return { pinned: before, ticking: tickingOf(name, definitionOf(before, now)), range };
    const started = { pinned: pinnedOf(now), ticking: tickingOf(name, now.definition), range };
    const count = started.ticking.ticks.count(from - 1, range.to - 1);
    if (count > max)
      throw backfillError.permanent("too_many_ticks", `The range has ${count} ticks, more than max, ${max}.`);
    // before any job exists, so that a crash cannot lead to jobs of two definitions
    await this.#context.save?.({ ...START, schedule: started.pinned } satisfies SavedBackfill);
    return started;
  }
}

/** The instant after which the ticks of a walk follow. @param after the last tick that it has dealt with */
function lastBefore({ from }: BackfillRange, after: string | undefined): number {
  return after === undefined ? from - 1 : Number(after);
}

function pinnedOf({ id, version, definition }: BackfilledSchedule): Pinned {
  const pinned = { id, version, definition };
  return JSON.stringify(pinned).length <= MAX_PINNED_LENGTH ? pinned : { id, version };
}

function definitionOf({ definition, version }: Pinned, now: BackfilledSchedule): string {
  if (definition !== undefined) return definition;
  if (now.version === version) return now.definition;
  throw backfillError.permanent(
    "schedule_changed",
    "The schedule was changed while the backfill was interrupted. Start a new backfill for the rest of the range.",
  );
}

function tickingOf(name: string, text: string): TickingSchedule {
  const definition = readDefinition(text);
  return { name, definition, ticks: ticksOfSchedule(definition, name) };
}

function deleted(name: string): Error {
  return backfillError.permanent(
    "schedule_deleted",
    `The schedule ${name} does not exist, or was deleted or created again after the backfill was submitted.`,
  );
}
