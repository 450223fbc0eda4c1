/** Erases finished jobs whose row Postgres has: their artifacts, their row, and what Redis still has of them. */
import type { ArtifactStore } from "../../artifacts/store.ts";
import { CodedError } from "../../errors.ts";
import { callbackId } from "../../queue/ids.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Store } from "../../results/store.ts";

/** Jobs whose artifacts are removed at once. */
const ARTIFACTS_AT_ONCE = 8;

export interface ErasingParts {
  readonly artifacts: Pick<ArtifactStore, "removeJob">;
  readonly store: Pick<Store, "erase">;
  readonly queue: Pick<Queue, "erase" | "clock">;
}

/**
 * Erases these jobs and their recorded callbacks, whose payloads contain the whole job. The row is erased after the
 * artifacts: until then a repeat erases the rest.
 * @param ids 200 at most
 * @throws CodedError 503 if a store is away
 */
export async function eraseJobs({ artifacts, store, queue }: ErasingParts, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  for (let first = 0; first < ids.length; first += ARTIFACTS_AT_ONCE)
    await Promise.all(ids.slice(first, first + ARTIFACTS_AT_ONCE).map((id) => removeArtifacts(artifacts, id)));
  const callbacks = new Set(ids.map(callbackId));
  const erased = await store.erase([...ids, ...callbacks], queue.clock.now());
  await queue.erase(ids);
  const erasedCallbacks = erased.filter((id) => callbacks.has(id));
  if (erasedCallbacks.length > 0) await queue.erase(erasedCallbacks);
}

/** The errors of disks and of S3 have many codes: after each of them a repeat may succeed. */
async function removeArtifacts(artifacts: ErasingParts["artifacts"], id: string): Promise<void> {
  try {
    await artifacts.removeJob(id);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const message = "The artifacts of the job cannot be removed now, so it is not erased: repeat the call.";
    throw new CodedError("store_unavailable", 503, message, { cause: error, retryAfterMs: 2_000 });
  }
}
