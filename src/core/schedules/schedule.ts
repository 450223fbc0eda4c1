/**
 * A schedule: a named definition, and how far its ticks have been decided.
 *
 *   active ──pause──▶ paused ──resume──▶ active ──no tick is left──▶ ended
 *
 * Postgres has the definition, which a caller changes, and the runs. Redis has a working copy of both the definition and
 * the state, so that ticks continue while Postgres is away.
 */

export const OVERLAPS = ["skip", "allow", "queue_one", "cancel_previous"] as const;
type Overlap = (typeof OVERLAPS)[number];

export const CATCH_UP_POLICIES = ["none", "last", "all"] as const;
export type CatchUpPolicy = (typeof CATCH_UP_POLICIES)[number];

/** When a schedule has ticks. Times are epoch milliseconds. */
export type Timing =
  | { readonly kind: "cron"; readonly cron: string; readonly timeZone: string }
  | { readonly kind: "every"; readonly everyMs: number; readonly offsetMs: number }
  | { readonly kind: "times"; readonly times: readonly number[] };

/** A definition, checked, with its defaults filled in. */
export interface ScheduleDefinition {
  readonly timing: Timing;
  /** IANA name: the zone of templates, and of the preview's local times; `UTC` by default. */
  readonly timeZone: string;
  readonly overlap: Overlap;
  /** `withinMs` is null for the default: one period, at most 24 h. */
  readonly catchUp: { readonly policy: CatchUpPolicy; readonly withinMs: number | null; readonly max: number };
  readonly jitterMs: number;
  /** Epoch ms; no tick before, or after. */
  readonly startAt: number | null;
  readonly endAt: number | null;
  /** The schedule ends after so many fired ticks. */
  readonly maxRuns: number | null;
  readonly pauseAfterFailures: number | null;
  /** A submission as JSON in one line, as it was submitted, its templates unresolved. */
  readonly job: string;
  readonly description: string | null;
}

/** Why a schedule is paused, and until when. */
export interface SchedulePause {
  readonly reason: string | null;
  /** Epoch ms; null: until somebody resumes it. */
  readonly until: number | null;
  /** Epoch ms. */
  readonly at: number;
  /** The name of the API key or user; null without keys; `failures` where the schedule paused itself. */
  readonly by: string | null;
}

/**
 * How far a schedule has come. Redis has it as JSON; a script replaces it only while it is what the caller has read, so
 * each tick is decided once.
 */
export interface ScheduleState {
  /** The UUID of this schedule; another one of the same name has another. */
  readonly id: string;
  /** Of the definition. It rises when the definition changes. */
  readonly version: number;
  /** It rises with every change of the row in Postgres: definition, pause. */
  readonly revision: number;
  /** Epoch ms: every tick up to here is decided; ticks after it are open. */
  readonly decided: number;
  /** Epoch ms: the first open tick; null if there is none. */
  readonly next: number | null;
  readonly pause: SchedulePause | null;
  /** Set by the end of a pause, until the ticks of the pause are decided. `at`: epoch ms. */
  readonly resumed: { readonly at: number; readonly catchUp: CatchUpPolicy } | null;
  /** The last tick that was fired, and its job. */
  readonly last: { readonly tick: number; readonly jobId: string } | null;
  /** A tick that waits for the end of the last job (`queue_one`); null for none. */
  readonly queued: number | null;
  /** How many ticks were decided each way. */
  readonly counts: Readonly<Record<RunOutcome, number>>;
}

/** fired · late: made up after its time · skipped: the last job had not ended · missed: not made up. */
export const RUN_OUTCOMES = ["fired", "late", "skipped", "missed"] as const;
export type RunOutcome = (typeof RUN_OUTCOMES)[number];

/**
 * Why a tick was not fired in time: the last job had not ended · the policy makes none up · the policy makes only the
 * last one up · older than `within_ms` · more than `max` were missed · in a pause · its job is not valid (anymore).
 */
export const RUN_REASONS = [
  "overlap",
  "catch_up_none",
  "catch_up_last",
  "too_old",
  "more_than_max",
  "paused",
  "invalid_job",
] as const;
export type RunReason = (typeof RUN_REASONS)[number];

/** tick: of the timing · manual: `POST …/run` · backfill. */
export const RUN_KINDS = ["tick", "manual", "backfill"] as const;
export type RunKind = (typeof RUN_KINDS)[number];

/** A decision about a tick, as the history has it. */
export interface ScheduleRun {
  /** The schedule's UUID. */
  readonly schedule: string;
  readonly name: string;
  readonly version: number;
  readonly kind: RunKind;
  /** Epoch ms. */
  readonly tick: number;
  readonly outcome: RunOutcome;
  /** Null for a tick that was fired, unless its job had to wait for another (`overlap`). */
  readonly reason: RunReason | null;
  readonly jobId: string | null;
  /** Epoch ms: when it was decided. */
  readonly at: number;
  /** More than 1 where one entry stands for a row of missed ticks, of which `tick` is the last. */
  readonly ticks: number;
}

/** The ticks of half an hour. */
interface RecentTicks {
  /** Epoch ms. */
  readonly from: number;
  readonly counts: ScheduleState["counts"];
}

/** A schedule as Postgres has it. */
export interface StoredSchedule {
  readonly name: string;
  readonly id: string;
  readonly version: number;
  readonly revision: number;
  /** The JSON of the definition as the API shows it, defaults filled in, in one line. */
  readonly definition: string;
  readonly pause: SchedulePause | null;
  /** Whether resuming makes up the ticks of the pause, and which; used once, when the pause ends. */
  readonly resumeCatchUp: CatchUpPolicy | null;
  /** The definition in its file in SCHEDULES_DIR; null for a schedule that has none. */
  readonly fileDefinition: string | null;
  /** The API key that pays for its jobs; null without keys. */
  readonly apiKey: string | null;
  /** Epoch ms: ticks after it count for this version (a new timing begins with its change). */
  readonly effectiveFrom: number;
  /** The run with the latest tick of the timing that the history in Postgres has; null for none. */
  readonly lastRun: ScheduleRun | null;
  /** How many ticks were decided each way, as far as the history in Postgres has them. */
  readonly counts: ScheduleState["counts"];
  /** The same by half hour, oldest first. Those of more than a day before the latest recorded tick are gone. */
  readonly recent: readonly RecentTicks[];
  readonly createdAt: number;
  readonly updatedAt: number;
}
