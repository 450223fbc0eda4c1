/** How long a writer waits for a batch to fill. */
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";

/** A batch of at least this many items shows that the writer is under load. */
const LOADED_BATCH = 8;

/**
 * Resolves when the next batch should be sent. Without load, that is in the next turn of the event loop, with all items
 * of this turn. Under load it is after `lingerMs`, for fewer and larger commits.
 * @param latestItems how many items the latest batch had
 */
export async function linger(latestItems: number, lingerMs: number): Promise<void> {
  await (latestItems < LOADED_BATCH ? nextTurn() : delay(lingerMs));
}
