/**
 * The progress of an attempt on a pool thread, in one shared byte. A report sends no message, so handlers may report
 * often, and the main thread reads the last value even while the handler never yields.
 */
import { clampProgress } from "./io-context.ts";

export type SharedProgress = Uint8Array<SharedArrayBuffer>;

const UNREPORTED = 255;

export function shareProgress(): SharedProgress {
  return new Uint8Array(new SharedArrayBuffer(1)).fill(UNREPORTED);
}

export function reportProgress(shared: SharedProgress, percent: number): void {
  Atomics.store(shared, 0, Math.round(clampProgress(percent) ?? UNREPORTED));
}

/** The last reported value in whole per cent; null before the first report. */
export function readProgress(shared: SharedProgress): number | null {
  const percent = Atomics.load(shared, 0);
  return percent === UNREPORTED ? null : percent;
}
