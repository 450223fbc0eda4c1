/** Finds expired leases and unrecorded outcomes that replicas should already have taken over. */
import type { Audit } from "../queue/audit.ts";
import { OUTBOX_OWNED_MS } from "../queue/settlement.ts";
import { stateOf } from "../queue/snapshot.ts";
import type { Inconsistencies } from "./inconsistency.ts";

/** Twice the time that a replica owns an outcome. After that time the sweep of any replica takes the outcome over. */
const OUTBOX_OVERDUE_MS = 2 * OUTBOX_OWNED_MS;
const LIMIT = 1_000;

/**
 * Finds leases that expired at least one lease time ago, and outcomes that are overdue in the outbox, up to 1,000 of
 * each. A working replica would have taken them over.
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
  // leases expire later after an outage of Redis
  if (now < (await audit.graceUntil()) + leaseMs) return inconsistencies;
  const leases = await audit.overdue("leased", now - leaseMs, LIMIT);
  const [replicas, snapshots] = await Promise.all([audit.replicas(), audit.inspect(leases.map(({ id }) => id))]);
  leases.forEach(({ id, since }, i) => {
    const snapshot = snapshots[i];
    const holder = snapshot && stateOf(snapshot)?.replica;
    // the job was settled in the meantime, or is an inconsistency of another kind
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
