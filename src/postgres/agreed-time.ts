/** The time that decides what is old enough to delete: the store's, provided that this machine's clock agrees. */
import { CodedError } from "../errors.ts";

/** Synchronised clocks differ by less. */
const MOST_MS = 300_000;

/** One of the two clocks is wrong, and nothing shows which: a deletion by the wrong one could delete recent data. */
export class ClocksDiffer extends CodedError {
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
