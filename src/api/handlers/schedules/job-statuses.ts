/** The statuses of jobs that runs name. */
import type { Status } from "../../../core/job.ts";
import { CodedError } from "../../../errors.ts";
import type { ApiDependencies } from "../../dependencies.ts";

/** Jobs of one read. */
const MAX_JOBS = 200;

/**
 * The status of each of these jobs that Redis or Postgres has. While Redis is away, jobs that are not recorded are left
 * out. Rejects with `store_unavailable` while Postgres is away.
 */
export async function jobStatuses(
  { queue, store }: Pick<ApiDependencies, "queue" | "store">,
  ids: Iterable<string>,
): Promise<ReadonlyMap<string, Status>> {
  const statuses = new Map<string, Status>();
  const distinct = [...new Set(ids)];
  for (let first = 0; first < distinct.length; first += MAX_JOBS) {
    const some = distinct.slice(first, first + MAX_JOBS);
    for (const { id, status } of await queue.readHeaders(some).catch(ifAway)) statuses.set(id, status);
    const others = some.filter((id) => !statuses.has(id));
    if (others.length === 0) continue;
    for (const { view } of await store.states(others, 0)) statuses.set(view.id, view.status);
  }
  return statuses;
}

function ifAway(error: unknown): readonly never[] {
  if (error instanceof CodedError) return [];
  throw error;
}
