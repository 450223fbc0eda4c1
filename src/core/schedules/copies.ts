/** The working copies of schedules in Redis as their owner in Postgres uses them: what `queue.schedules` implements. */
import type { ScheduleRun, ScheduleState } from "./schedule.ts";

/** What firing needs of a schedule. */
export interface WorkingCopy {
  readonly name: string;
  readonly id: string;
  readonly version: number;
  readonly revision: number;
  /** The JSON of the definition. */
  readonly definition: string;
  readonly apiKey: string | null;
}

/** A state, and its text in Redis: a change compares it. */
export interface StateInRedis {
  readonly state: ScheduleState;
  readonly text: string;
}

export interface CopyChange {
  readonly copy: WorkingCopy;
  /** The text of the state that the change was made from; undefined if Redis had none. */
  readonly before: string | undefined;
  readonly state: ScheduleState;
  /** Epoch ms: when somebody must look at the schedule; null: never. */
  readonly lookAt: number | null;
}

export interface PendingRuns {
  /** Oldest first. */
  readonly runs: readonly ScheduleRun[];
  /** Argument of {@link ScheduleCopies.acknowledge}. */
  readonly position: string;
}

/**
 * put: done · changed: the state is not the one that the change was made from · removed: a schedule of this id was
 * removed, and does not come back
 */
export type CopyAnswer = "put" | "changed" | "removed";

/** All calls are safe to repeat, and reject as all calls of the queue. At most 200 schedules per call. */
export interface ScheduleCopies {
  /** The states of these schedules; undefined where Redis has none. */
  read(names: readonly string[]): Promise<readonly (StateInRedis | undefined)[]>;
  /** Replaces copy, state and time of each schedule whose state is still the one that its change was made from. */
  put(changes: readonly CopyChange[]): Promise<readonly CopyAnswer[]>;
  /** Removes each schedule that has this id; another one of the same name stays. */
  remove(schedules: readonly { readonly name: string; readonly id: string }[]): Promise<void>;
  /** Decided runs that Postgres may not have. */
  pendingRuns(limit: number): Promise<PendingRuns>;
  /** Forgets the pending runs up to a position. */
  acknowledge(position: string): Promise<void>;
  /** Whether Redis has all schedules: it has forgotten that, if it was emptied. */
  isLoaded(): Promise<boolean>;
  /** Begins to load them all. */
  startLoading(token: string): Promise<void>;
  /** Redis has them all, unless it was emptied, or another replica began, since {@link startLoading} with this token. */
  finishLoading(token: string): Promise<void>;
}
