/** Compares the counters with each other, and with the sets and the jobs that they count. */
import type { AuditCounts } from "../queue/audit.ts";
import type { TypeCounts } from "../queue/counts.ts";
import type { Inconsistencies } from "./inconsistency.ts";

/** The number of jobs in Redis by `status:type`, as a walk over all jobs counted them. */
export type StatusCounts = Map<string, number>;

const sum = (types: readonly TypeCounts[], of: (jobCounts: TypeCounts) => number): number =>
  types.reduce((total, jobCounts) => total + of(jobCounts), 0);

/** Jobs that have ended and are not yet known to be in Postgres. */
export function outboxOf({ completed, failed, cancelled, recorded }: TypeCounts): number {
  return completed + failed + cancelled - recorded;
}

/** Finds contradictions within one answer of Redis. They are certain, because an answer shows one instant. */
export function contradictions({ types, scheduled, leased, outbox, unaccounted }: AuditCounts): Inconsistencies {
  const inconsistencies: Inconsistencies = new Map();
  const compare = (name: string, counted: number, found: number, words: string): void => {
    if (counted !== found)
      inconsistencies.set(`books ${name}`, {
        kind: "books",
        id: null,
        text: `${words}: the counters say ${counted}, the set has ${found}`,
      });
  };
  if (unaccounted !== 0) {
    inconsistencies.set("books unaccounted", {
      kind: "books",
      id: null,
      text: `accepted − recorded − jobs in the five sets = ${unaccounted}, not 0`,
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
  for (const jobCounts of types) {
    const { type, accepted, waiting, queued, recorded } = jobCounts;
    compare(
      type,
      accepted,
      recorded + waiting + queued + jobCounts.scheduled + jobCounts.retrying + jobCounts.running + outboxOf(jobCounts),
      `jobs of type ${type}, accepted against recorded, waiting, queued, running and ended`,
    );
  }
  return inconsistencies;
}

/** Whether no counter changed between two answers. Only then can a walk between them be compared with the counters. */
export function isSame(one: AuditCounts, other: AuditCounts): boolean {
  const counts = ({ types }: AuditCounts): unknown => types.map((jobCounts) => ({ ...jobCounts, nextSince: null }));
  return JSON.stringify(counts(one)) === JSON.stringify(counts(other));
}

/** Compares the counters with the jobs that a walk found, by type and status. */
export function miscounts({ types }: AuditCounts, statusCounts: StatusCounts): Inconsistencies {
  const inconsistencies: Inconsistencies = new Map();
  for (const jobCounts of types) {
    const { type } = jobCounts;
    const seen = (...statuses: readonly string[]): number =>
      statuses.reduce((total, status) => total + (statusCounts.get(`${status}:${type}`) ?? 0), 0);
    const pairs = [
      ["waiting", jobCounts.waiting, seen("waiting")],
      ["queued", jobCounts.queued, seen("queued")],
      ["scheduled", jobCounts.scheduled, seen("scheduled")],
      ["retrying", jobCounts.retrying, seen("retrying")],
      ["running", jobCounts.running, seen("running")],
      ["ended", outboxOf(jobCounts), seen("completed", "failed", "cancelled")],
    ] as const;
    for (const [status, counted, found] of pairs) {
      if (counted !== found)
        inconsistencies.set(`count ${status} ${type}`, {
          kind: "books",
          id: null,
          text: `${status} jobs of type ${type}: the counters say ${counted}, there are ${found}`,
        });
    }
  }
  return inconsistencies;
}
