/** Leases that ran out and outcomes that are not recorded, which replicas should have taken over long ago. */
import type { Audit } from "../queue/audit.ts";
import { OUTBOX_OWNED_MS } from "../queue/settlement.ts";
import { stateOf } from "../queue/snapshot.ts";
import type { Inconsistencies } from "./inconsistency.ts";

/** Twice the time that a replica owns an outcome: after once, the sweep of any replica takes it over. */
const OUTBOX_OVERDUE_MS = 2 * OUTBOX_OWNED_MS;
const LIMIT = 1_000;

/**
 * Leases that ran out at least one lease ago, and outcomes that are overdue in the outbox, up to 1,000 of each. A
 * replica that claims and sweeps would have taken them over.
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
      text: `has ended, and no replica has recorded it within ${seconds(now - since)} after its owner's time`,
    });
  }
  // after an outage of Redis, leases expire later
  if (now < (await audit.graceUntil()) + leaseMs) return inconsistencies;
  const leases = await audit.overdue("leased", now - leaseMs, LIMIT);
  const [replicas, snapshots] = await Promise.all([audit.replicas(), audit.inspect(leases.map(({ id }) => id))]);
  leases.forEach(({ id, since }, i) => {
    const snapshot = snapshots[i];
    const holder = snapshot && stateOf(snapshot)?.replica;
    // settled meanwhile, or an inconsistency of another kind
    if (!snapshot?.sets.includes("leased") || holder === undefined) return;
    const alive = replicas.has(holder) ? "which is alive" : "which is gone";
    inconsistencies.set(`lease ${id}`, {
      kind: "lease_overdue",
      id,
      text: `its lease, of replica ${holder}, ${alive}, ran out ${seconds(now - since)} ago, and no replica has taken it over`,
    });
  });
  return inconsistencies;
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;
