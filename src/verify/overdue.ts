/** What should have been taken over long ago: leases that ran out, and outcomes that nobody records. */
import type { Audit } from "../queue/audit.ts";
import { stateOf } from "../queue/snapshot.ts";
import type { Inconsistencies } from "./inconsistency.ts";

/** Twice what a replica owns an outcome for: after once, any replica's sweep takes it. */
const OUTBOX_OVERDUE_MS = 60_000;
const LIMIT = 1_000;

/**
 * Leases that ran out a lease ago, and outcomes that are a minute beyond their owner's time. A replica that claims, or
 * sweeps, would have taken them: the first at most 1,000 of each.
 */
export async function overdueEntries({
  audit,
  leaseMs,
}: {
  readonly audit: Audit;
  readonly leaseMs: number;
}): Promise<Inconsistencies> {
  const inconsistencies: Inconsistencies = new Map();
  const { now } = await audit.jobCounts();
  for (const { id, since } of await audit.overdue("outbox", now - OUTBOX_OVERDUE_MS, LIMIT)) {
    inconsistencies.set(`outbox ${id}`, {
      kind: "outbox_overdue",
      id,
      text: `has ended, and nobody has recorded it for ${seconds(now - since)} after its owner's time`,
    });
  }
  if (now < (await audit.graceUntil()) + leaseMs) return inconsistencies; // Redis was away: leases are left alone for a while
  const leases = await audit.overdue("leased", now - leaseMs, LIMIT);
  const [replicas, snapshots] = await Promise.all([audit.replicas(), audit.inspect(leases.map(({ id }) => id))]);
  leases.forEach(({ id, since }, i) => {
    const snapshot = snapshots[i];
    const holder = snapshot && stateOf(snapshot)?.replica;
    if (!snapshot?.sets.includes("leased") || holder === undefined) return; // settled meanwhile, or told as a fault of its place
    const alive = replicas.has(holder) ? "which lives" : "which is gone";
    inconsistencies.set(`lease ${id}`, {
      kind: "lease_overdue",
      id,
      text: `its lease ran out ${seconds(now - since)} ago, held by replica ${holder}, ${alive}, and nobody has taken it over`,
    });
  });
  return inconsistencies;
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;
