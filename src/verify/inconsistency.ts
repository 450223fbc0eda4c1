/** The inconsistencies that `taskflow verify` finds. A key identifies each of them in later checks. */
import type { PlaceIssue } from "../queue/snapshot.ts";

/**
 * A job in the wrong sets ({@link PlaceIssue}), or:
 * - recorded_and_live: the job waits or runs in Redis, and Postgres has its outcome
 * - lease_overdue: no replica takes over a lease that ran out
 * - outbox_overdue: no replica records an outcome
 * - accepted_lost: the job is committed in Postgres, and neither in Redis nor recorded
 * - not_indexed: a search by tag, group or retried job may miss the live job
 * - schedule_stuck: no replica looks at a schedule that has ticks
 * - schedule_differs: Redis and Postgres differ in a schedule
 * - schedule_history: the history lacks ticks of a schedule that were decided
 * - flow_stuck: a flow cannot end, or its end is not recorded
 * - flow_counts: the counts of a flow contradict its jobs
 * - flow_missing: a job waits for others of a flow that Redis does not have
 * - history: the counts of an hour differ from the rows of the jobs that finished in it
 * - books: counters contradict each other, or the jobs that they count
 */
type InconsistencyKind =
  | PlaceIssue
  | "recorded_and_live"
  | "lease_overdue"
  | "outbox_overdue"
  | "accepted_lost"
  | "not_indexed"
  | "schedule_stuck"
  | "schedule_differs"
  | "schedule_history"
  | "flow_stuck"
  | "flow_counts"
  | "flow_missing"
  | "history"
  | "books";

export interface Inconsistency {
  readonly kind: InconsistencyKind;
  /** The job's id; null for the counters. */
  readonly id: string | null;
  readonly text: string;
}

/** By the job's id, or by the counter's name. */
export type Inconsistencies = Map<string, Inconsistency>;

/** Returns the inconsistencies of `earlier` that a later check found again, in their later form. */
export function stillThere(earlier: Inconsistencies, now: Inconsistencies): Inconsistencies {
  return new Map([...now].filter(([key, { kind }]) => earlier.get(key)?.kind === kind));
}
