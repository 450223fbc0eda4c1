/** The time by which data is deleted: that of the store which has it, if the clock of this machine agrees. */
import { TaskFlowError } from "../errors.ts";

/** Clocks that are synchronised differ by less. */
const MOST_MS = 300_000;

/** One of two clocks is wrong, and it is unknown which: deleting by it could delete fresh data. */
export class ClocksDiffer extends TaskFlowError {
  constructor(store: string, storeMs: number, ownMs: number) {
    const differ = `${Math.round(Math.abs(ownMs - storeMs) / 1_000)} s ${ownMs > storeMs ? "ahead of" : "behind"}`;
    const text = Number.isNaN(storeMs)
      ? `It is not known what time it is for ${store}.`
      : `The clock of this machine is ${differ} that of ${store}: set the one that is wrong.`;
    super("clocks_differ", 500, text);
  }
}

/**
 * @param storeMs epoch ms, by the store's clock @param ownMs by this machine's
 * @returns the store's time
 * @throws ClocksDiffer
 */
export function agreedTime(store: string, storeMs: number, ownMs: number): number {
  if (!(Math.abs(ownMs - storeMs) <= MOST_MS)) throw new ClocksDiffer(store, storeMs, ownMs);
  return storeMs;
}
