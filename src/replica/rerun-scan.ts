/** Finds the finished jobs that pass the filters of a bulk rerun, in Postgres and in the outbox. */

import { liveMatches } from "../api/jobs/live-jobs.ts";
import type { Turns } from "../concurrency/turns.ts";
import { withNamedOperations, withoutOperations } from "../core/bulk.ts";
import { lowestOf, timeOfId } from "../core/id.ts";
import type { JobView } from "../core/job.ts";
import { TERMINAL_STATUSES } from "../core/job.ts";
import type { JobFilters } from "../core/job-filters.ts";
import { readFilters } from "../core/job-filters.ts";
import { viewOf } from "../core/job-view.ts";
import type { RerunFilters, RerunScan, WalkPage } from "../core/reruns.ts";
import { hasLostPayload } from "../core/resubmission.ts";
import { CodedError } from "../errors.ts";
import type { Queue } from "../queue/queue.ts";
import type { Store } from "../results/store.ts";

/**
 * The scan examines up to this many outcomes that are not in Postgres yet. With more, Postgres is too far behind, and
 * the scan fails.
 */
const MAX_ENDED = 10_000;
/** Jobs read from Redis at once. */
const CHUNK = 50;

export interface ScanParts {
  readonly queue: Pick<Queue, "endedIds" | "readHeaders" | "read" | "payload">;
  readonly store: Pick<Store, "matching">;
  readonly turns: Turns;
}

/**
 * Reads Redis first, to find a job that moves to Postgres meanwhile in one of the two; it has the same position in
 * both.
 */
export async function* matching(
  parts: ScanParts,
  given: RerunFilters,
  rerunId: string,
  scan: RerunScan,
): AsyncGenerator<WalkPage> {
  const { include_replayed: includesReruns = false, ...members } = given;
  const { caller = rerunId, signal, isErasure = false } = scan;
  const selection = readFilters({ status: "failed", ...members }, TERMINAL_STATUSES);
  if ("issues" in selection) throw new Error("the filters of a bulk operation are checked when it is submitted");
  const filters = isErasure ? withNamedOperations(selection.filters) : withoutOperations(selection.filters);
  const { from } = selection;
  const finishedBy = timeOfId(rerunId);
  const below = lowestOf(selection.below, scan.below, rerunId) ?? rerunId;
  const isWanted = (view: JobView): boolean =>
    (isErasure || !hasLostPayload(view.error)) &&
    (view.finished_at ?? Infinity) <= finishedBy &&
    (includesReruns || view.retry_of === null);
  const ended = await endedIds(parts, { below, from, caller, signal, filters, isWanted });
  for await (const { ids, reached } of parts.store.matching(filters, {
    below,
    from,
    finishedBy,
    includesReruns,
    includesLost: isErasure,
    caller,
    signal,
  })) {
    const count = ended.findIndex((id) => id < reached);
    const here = ended.splice(0, count === -1 ? ended.length : count);
    yield { ids: here.length === 0 ? ids : [...new Set([...ids, ...here])].sort().reverse(), reached };
  }
}

interface EndedScan {
  readonly below: string;
  readonly from: string | undefined;
  readonly caller: string;
  readonly signal: AbortSignal | undefined;
  readonly filters: JobFilters;
  /** The conditions besides the filters. */
  readonly isWanted: (view: JobView) => boolean;
}

/** The ids of the jobs in the outbox that pass the filters, newest first. */
async function endedIds(
  { queue, turns }: ScanParts,
  { below, from, caller, signal, filters, isWanted }: EndedScan,
): Promise<string[]> {
  const all = await queue.endedIds(MAX_ENDED);
  if (all.length === MAX_ENDED)
    throw new CodedError("store_unavailable", 503, "Postgres is behind: too many outcomes wait to be recorded.", {
      retryAfterMs: 2_000,
    });
  const inRange = all
    .filter((id) => id < below && (from === undefined || id >= from))
    .sort()
    .reverse();
  const found: string[] = [];
  for (let at = 0; at < inRange.length; at += CHUNK) {
    const ids = inRange.slice(at, at + CHUNK);
    const { jobs } = await turns.take(caller, () => liveMatches(queue, ids, filters), signal);
    for (const view of jobs.map(viewOf)) if (isWanted(view)) found.push(view.id);
  }
  return found;
}
