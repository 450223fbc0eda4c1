/** Compares the index of live jobs with the jobs: a search by a tag misses a job that the index lacks. */
import { lowestIdAt } from "../core/id.ts";
import type { Audit } from "../queue/audit.ts";
import type { Inconsistencies } from "./inconsistency.ts";

/** The number of the newest jobs that are compared: about ten seconds of reads. */
const MAX_JOBS = 100_000;
/** The check stops after this many inconsistencies. */
const LIMIT = 10_000;
const PAGE = 500;

/**
 * Finds the live jobs, up to 100,000 of the newest, that the index lacks under one of their names although it is
 * complete from a time before they were accepted. Members of jobs that are gone are no inconsistency: a search skips
 * them, and the sweeps of the replicas remove them.
 */
export async function unindexedJobs(audit: Audit): Promise<Inconsistencies> {
  const inconsistencies: Inconsistencies = new Map();
  const from = await audit.indexedFrom();
  if (from === undefined) return inconsistencies;
  for await (const ids of audit.newestLiveIds(lowestIdAt(from), MAX_JOBS)) {
    await addUnindexed(audit, ids, inconsistencies);
    if (inconsistencies.size >= LIMIT) break;
  }
  return inconsistencies;
}

/** The same inconsistencies, as far as the jobs still have them. */
export async function stillUnindexed(audit: Audit, earlier: Inconsistencies): Promise<Inconsistencies> {
  const inconsistencies: Inconsistencies = new Map();
  const ids = [...earlier.values()].flatMap(({ id }) => id ?? []);
  for (let at = 0; at < ids.length; at += PAGE) await addUnindexed(audit, ids.slice(at, at + PAGE), inconsistencies);
  return inconsistencies;
}

async function addUnindexed(audit: Audit, ids: readonly string[], inconsistencies: Inconsistencies): Promise<void> {
  for (const [id, count] of await audit.unindexed(ids)) {
    inconsistencies.set(`index ${id}`, {
      kind: "not_indexed",
      id,
      text: `the index lacks ${count === 1 ? "one" : count} of its names (tags, group, the job that it runs again): searches by these may miss it`,
    });
  }
}
