/** Erases finished jobs whose row Postgres has: their artifacts, their row, and what Redis still has of them. */
import type { ArtifactStore } from "../../artifacts/store.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Store } from "../../results/store.ts";

/** Jobs whose artifacts are removed at once. */
const ARTIFACTS_AT_ONCE = 8;

export interface ErasingParts {
  readonly artifacts: Pick<ArtifactStore, "removeJob">;
  readonly store: Pick<Store, "erase">;
  readonly queue: Pick<Queue, "erase" | "clock">;
}

/** The row is erased after the artifacts: until then a repeat erases the rest. @param ids 200 at most */
export async function eraseJobs({ artifacts, store, queue }: ErasingParts, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  for (let first = 0; first < ids.length; first += ARTIFACTS_AT_ONCE)
    await Promise.all(ids.slice(first, first + ARTIFACTS_AT_ONCE).map((id) => artifacts.removeJob(id)));
  await store.erase(ids, queue.clock.now());
  await queue.erase(ids);
}
