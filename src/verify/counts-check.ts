/** The counters of one instant, held against each other and against the sets that they count. */
import type { AuditBooks } from "../queue/audit.ts";
import type { TypeBooks } from "../queue/counts.ts";
import type { Faults } from "./inconsistency.ts";

/** Jobs that stand in Redis, by `status:type`, as a walk over all of them has counted them. */
export type Tally = Map<string, number>;

const sum = (types: readonly TypeBooks[], of: (books: TypeBooks) => number): number =>
  types.reduce((total, books) => total + of(books), 0);

/** Ended, and not yet known to be in Postgres. */
export function outboxOf({ completed, failed, cancelled, recorded }: TypeBooks): number {
  return completed + failed + cancelled - recorded;
}

/** What one answer of Redis contradicts in itself: exact, since it is of one instant. */
export function contradictions({ types, scheduled, leased, outbox, unaccounted }: AuditBooks): Faults {
  const faults: Faults = new Map();
  const compare = (name: string, counted: number, found: number, words: string): void => {
    if (counted !== found)
      faults.set(`books ${name}`, {
        kind: "books",
        id: null,
        text: `${words}: the counters say ${counted}, and it is ${found}`,
      });
  };
  if (unaccounted !== 0) {
    faults.set("books unaccounted", {
      kind: "books",
      id: null,
      text: `accepted less recorded less what stands in the four sets is ${unaccounted}, not 0`,
    });
  }
  compare(
    "scheduled",
    sum(types, (t) => t.scheduled + t.retrying),
    scheduled,
    "jobs in scheduled",
  );
  compare(
    "leased",
    sum(types, (t) => t.running),
    leased,
    "jobs in leased",
  );
  compare("outbox", sum(types, outboxOf), outbox, "jobs in the outbox");
  for (const books of types) {
    const { type, accepted, queued, recorded } = books;
    compare(
      type,
      accepted,
      recorded + queued + books.scheduled + books.retrying + books.running + outboxOf(books),
      `jobs accepted of type ${type}, and what became of them`,
    );
  }
  return faults;
}

/** Whether nothing was counted between two looks: only then may a walk between them be held against the counters. */
export function isSame(one: AuditBooks, other: AuditBooks): boolean {
  const counts = ({ types }: AuditBooks): unknown => types.map((books) => ({ ...books, nextSince: null }));
  return JSON.stringify(counts(one)) === JSON.stringify(counts(other));
}

/** The counters against the jobs that were seen, type by type and status by status. */
export function miscounts({ types }: AuditBooks, tally: Tally): Faults {
  const faults: Faults = new Map();
  for (const books of types) {
    const { type } = books;
    const seen = (...statuses: readonly string[]): number =>
      statuses.reduce((total, status) => total + (tally.get(`${status}:${type}`) ?? 0), 0);
    const pairs = [
      ["queued", books.queued, seen("queued")],
      ["scheduled", books.scheduled, seen("scheduled")],
      ["retrying", books.retrying, seen("retrying")],
      ["running", books.running, seen("running")],
      ["ended", outboxOf(books), seen("completed", "failed", "cancelled")],
    ] as const;
    for (const [status, counted, found] of pairs) {
      if (counted !== found)
        faults.set(`tally ${status} ${type}`, {
          kind: "books",
          id: null,
          text: `${status} jobs of type ${type}: the counters say ${counted}, and there are ${found}`,
        });
    }
  }
  return faults;
}
