/**
 * The progress of an attempt on a pool thread: one byte that both threads see. Telling it sends nothing, so a handler
 * may do so as often as it likes, and the main thread finds the last value even while the handler never yields.
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

/** In whole per cent, which is what is told of it; null when there is none. */
export function readProgress(shared: SharedProgress): number | null {
  const percent = Atomics.load(shared, 0);
  return percent === UNREPORTED ? null : percent;
}
