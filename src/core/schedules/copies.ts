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

export interface PendingRun extends ScheduleRun {
  /** The schedule had no tick left after it. */
  readonly isLast?: true;
}

export interface PendingRuns {
  /** Oldest first. */
  readonly runs: readonly PendingRun[];
  /** The runs as Redis has them: the argument of {@link ScheduleCopies.acknowledge}. */
  readonly texts: readonly string[];
}

/** All calls are safe to repeat, and reject as all calls of the queue. At most 200 schedules per call. */
export interface ScheduleCopies {
  /** The states of these schedules; undefined where Redis has none. */
  read(names: readonly string[]): Promise<readonly (StateInRedis | undefined)[]>;
  /**
   * Replaces copy, state and time of each schedule whose state is still the one that its change was made from. One that
   * was removed does not come back.
   * @returns for each change whether it was made
   */
  put(changes: readonly CopyChange[]): Promise<readonly boolean[]>;
  /** Removes each schedule that has this id; another one of the same name stays. */
  remove(schedules: readonly { readonly name: string; readonly id: string }[]): Promise<void>;
  /** The names of the first schedules, `limit` at most, that somebody must look at, or has taken. @param now epoch ms */
  due(now: number, limit: number): Promise<readonly string[]>;
  /** Decided runs that Postgres may not have. */
  pendingRuns(limit: number): Promise<PendingRuns>;
  /** Forgets the runs of one {@link pendingRuns}. If somebody else has forgotten some of them, a later call gets the rest. */
  acknowledge(texts: readonly string[]): Promise<void>;
  /** Whether Redis has all schedules: it has forgotten that if it was emptied. */
  isLoaded(): Promise<boolean>;
  /** Begins to load them all. */
  startLoading(token: string): Promise<void>;
  /** Redis has them all, unless it was emptied, or another replica began, since {@link startLoading} with this token. */
  finishLoading(token: string): Promise<void>;
}
