/**
 * Erases finished jobs whose row Postgres has: their artifacts, their row, what Redis still has of them, and what their
 * flows have copied.
 */
import type { ArtifactStore } from "../../artifacts/store.ts";
import { CodedError } from "../../errors.ts";
import { callbackId } from "../../queue/ids.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Store } from "../../results/store.ts";
import type { FlowCopiesParts } from "./flow-copies.ts";
import { copiesOf, dropKept } from "./flow-copies.ts";

/** Jobs whose artifacts are removed at once. */
const ARTIFACTS_AT_ONCE = 8;

export interface ErasingParts extends FlowCopiesParts {
  readonly artifacts: Pick<ArtifactStore, "removeJob">;
  readonly store: FlowCopiesParts["store"] & Pick<Store, "erase">;
  readonly queue: FlowCopiesParts["queue"] & Pick<Queue, "erase" | "clock">;
}

/**
 * Erases these jobs and their recorded callbacks, whose payloads contain the whole job. The row is erased after the
 * artifacts: until then a repeat erases the rest.
 * @param ids 200 at most
 * @throws CodedError 503 if a store is away, or a file with the results of their batch is being written
 */
export async function eraseJobs(parts: ErasingParts, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const { artifacts, store, queue } = parts;
  const copies = await copiesOf(parts, ids);
  await removeFiles(artifacts, [...ids, ...copies.files]);
  const callbacks = new Set(ids.map(callbackId));
  const erased = await store.erase([...ids, ...callbacks], queue.clock.now());
  await queue.erase(ids);
  const erasedCallbacks = erased.filter((id) => callbacks.has(id));
  if (erasedCallbacks.length > 0) await queue.erase(erasedCallbacks);
  await dropKept(parts, copies);
  // a file may have been written since, from what was read before
  if (copies.files.length > 0) await removeFiles(artifacts, (await copiesOf(parts, ids)).files);
}

async function removeFiles(artifacts: ErasingParts["artifacts"], ids: readonly string[]): Promise<void> {
  for (let first = 0; first < ids.length; first += ARTIFACTS_AT_ONCE)
    await Promise.all(ids.slice(first, first + ARTIFACTS_AT_ONCE).map((id) => removeArtifacts(artifacts, id)));
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
