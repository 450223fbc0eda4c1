/** How long a writer waits for a batch to fill. */
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";

/** A batch of at least so many items shows that the writer is under load. */
const LOADED_BATCH = 8;

/**
 * Resolves when the next batch is to be sent. Without load, that is in the next turn of the event loop: what this turn
 * adds travels together. Under load it is after `lingerMs`: fewer, larger commits.
 * @param latestItems how many items the latest batch had
 */
export async function linger(latestItems: number, lingerMs: number): Promise<void> {
  await (latestItems < LOADED_BATCH ? nextTurn() : delay(lingerMs));
}
