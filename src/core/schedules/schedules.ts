/** Schedules as the API uses them: the interface that `src/replica/schedules/` implements. */
import type { CatchUpPolicy, SchedulePause, ScheduleRun, ScheduleState, StoredSchedule } from "./schedule.ts";

/** A schedule, with its state if Redis has it. */
export interface ScheduleDetails extends StoredSchedule {
  /** Null while Redis is away, and until the replica that changed the schedule has told Redis. */
  readonly state: ScheduleState | null;
}

export interface ScheduleFilter {
  /** A job type. */
  readonly type?: string;
  readonly state?: "active" | "paused" | "ended";
  readonly tag?: string;
  /** Only schedules that are not paused, and whose next tick is more than a minute overdue. */
  readonly isLate?: true;
  readonly limit: number;
  /** Only names after this one. */
  readonly after?: string;
}

export interface SchedulePage {
  /** By name, ascending. With a filter by state there may be fewer than `limit`, or none, before the last page. */
  readonly schedules: readonly ScheduleDetails[];
  /** The next page has the names after this one; null on the last page. */
  readonly next: string | null;
}

/** A position in the runs of a schedule: only the runs after it, which are older, follow. */
export type RunPosition = Pick<ScheduleRun, "tick" | "kind" | "jobId">;

export interface PutOptions {
  /** The version that the caller has seen; another one is a conflict. */
  readonly ifMatch?: number;
  /** A schedule of this name is a conflict. */
  readonly ifNoneMatch?: true;
  /** The API key that pays for the jobs; null without keys. */
  readonly apiKey: string | null;
}

export type Put =
  | { readonly kind: "created" | "replaced" | "unchanged"; readonly schedule: ScheduleDetails }
  | { readonly kind: "conflict" };

/** Every call rejects while Postgres is away, as its reads do elsewhere (the API answers 503). */
export interface Schedules {
  /** @param definition the JSON of a checked definition in one line, defaults filled in */
  put(name: string, definition: string, options: PutOptions): Promise<Put>;
  get(name: string): Promise<ScheduleDetails | undefined>;
  list(filter: ScheduleFilter): Promise<SchedulePage>;
  /** Undefined: there is none. `conflict`: `ifMatch` names another version. */
  remove(name: string, ifMatch?: number): Promise<StoredSchedule | "conflict" | undefined>;
  pause(name: string, pause: SchedulePause): Promise<ScheduleDetails | undefined>;
  resume(name: string, catchUp: CatchUpPolicy): Promise<ScheduleDetails | undefined>;
  /** Back to the definition in its file. `no_file`: it has none. */
  revert(name: string): Promise<ScheduleDetails | "no_file" | undefined>;
  /**
   * By tick, newest first. Includes the runs that Redis had when the call began.
   * @param after the last run of the page before
   */
  runs(
    schedule: StoredSchedule,
    page: { readonly limit: number; readonly after?: RunPosition },
  ): Promise<readonly ScheduleRun[]>;
  /** Adds a run that is no tick of the timing: `POST …/run`, or of a backfill. Repeats change nothing. */
  addRuns(runs: readonly ScheduleRun[]): Promise<void>;
}
