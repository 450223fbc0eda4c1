/** What `taskflow verify` finds: each fault once, by a key that tells it again at a later look. */
import type { PlaceIssue } from "../queue/snapshot.ts";

/**
 * Where a job stands ({@link PlaceFault}), or:
 * recorded_and_live: it waits or runs in Redis, and Postgres has its outcome · lease_overdue: nobody takes over a lease that
 * ran out · outbox_overdue: nobody records an outcome · accepted_lost: it is committed to be run, and nowhere else · books: counters that contradict each other, or what they count
 */
export type InconsistencyKind =
  | PlaceIssue
  | "recorded_and_live"
  | "lease_overdue"
  | "outbox_overdue"
  | "accepted_lost"
  | "books";

export interface Inconsistency {
  readonly kind: InconsistencyKind;
  /** The job's; null for the books. */
  readonly id: string | null;
  readonly text: string;
}

/** Faults by id, or by what is counted. */
export type Inconsistencies = Map<string, Inconsistency>;

/** Those of `earlier` that are still there, as they are now. */
export function stillThere(earlier: Inconsistencies, now: Inconsistencies): Inconsistencies {
  return new Map([...now].filter(([key, { kind }]) => earlier.get(key)?.kind === kind));
}
