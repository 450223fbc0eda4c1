/**
 * Finds jobs with durability postgres that were committed but never reached Redis, although the restore should have
 * enqueued them.
 */
import { lowestIdAt, timeOfId } from "../core/id.ts";
import type { Audit } from "../queue/audit.ts";
import { SETTLED_MS } from "../results/acceptance-log/reader.ts";
import type { StoredJobs } from "../results/stored-jobs.ts";
import type { Inconsistencies } from "./inconsistency.ts";

/** Twice the age at which the restore enqueues jobs that Redis lacks. */
const RESTORED_MS = 2 * SETTLED_MS;
/** The check stops after this many inconsistencies. */
const LIMIT = 10_000;

export interface AcceptedSides {
  readonly audit: Audit;
  readonly storedJobs: StoredJobs;
  readonly namespace: string;
}

/** Jobs that are neither in the table `jobs` nor in Redis. */
export async function lostAccepted({ audit, storedJobs, namespace }: AcceptedSides): Promise<Inconsistencies> {
  const inconsistencies: Inconsistencies = new Map();
  const { now } = await audit.jobCounts();
  for await (const ids of storedJobs.unrecorded(namespace, lowestIdAt(now - RESTORED_MS))) {
    const absent = (await audit.inspect(ids))
      .filter(({ isLive, packed }) => !isLive && packed === "")
      .map(({ id }) => id);
    // queried last: Redis forgets a job only after its row is stored
    const recorded = await storedJobs.among(absent);
    for (const id of absent) {
      if (recorded.has(id)) continue;
      const age = `${Math.round((now - timeOfId(id)) / 1_000)} s`;
      inconsistencies.set(`accepted ${id}`, {
        kind: "accepted_lost",
        id,
        text: `was committed ${age} ago, and is neither in Redis nor among the finished jobs`,
      });
    }
    if (inconsistencies.size >= LIMIT) break;
  }
  return inconsistencies;
}
