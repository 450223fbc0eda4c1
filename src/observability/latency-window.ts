/**
 * Counts the latencies of the last five minutes in buckets. Replicas publish and add up these counts, because the
 * percentiles of several replicas cannot be computed from their percentiles.
 *
 * Buckets grow by a fixed ratio, as in HdrHistogram and DDSketch, so the error is relative: at most 5 %. Time moves in
 * slices of half a minute; the oldest one is emptied and reused.
 */
import { performance } from "node:perf_hooks"; // not the global, which is looked up at each use

/**
 * The upper bound of a bucket divided by that of the next lower bucket. The middle of a bucket is at most 5 % away from
 * its values.
 */
const RATIO = 1.1;
/** The upper bound of the first bucket: differences below it do not matter. */
const FIRST_MS = 0.1;
/** 0.1 ms · 1.1^182 is an hour; the last bucket counts all longer latencies. */
const BUCKETS = 184;
const SLICE_MS = 30_000;
const SLICES = 10;

const LOG_RATIO = Math.log(RATIO);

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

function bucketOf(ms: number): number {
  if (!(ms > FIRST_MS)) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / FIRST_MS) / LOG_RATIO));
}

/** The middle of a bucket in milliseconds, with the same relative error at both ends. */
function middleOf(bucket: number): number {
  return bucket === 0 ? FIRST_MS / 2 : (FIRST_MS * RATIO ** bucket * 2) / (1 + RATIO);
}

/** @param now a monotonic clock in milliseconds; `performance.now` by default */
export class LatencyWindow {
  readonly #now: () => number;
  readonly #slices = Array.from({ length: SLICES }, () => new Uint32Array(BUCKETS));
  #slice = 0;
  #sliceEndsAt: number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#sliceEndsAt = now() + SLICE_MS;
  }

  /** @param now the time on the window's clock, if the caller has read it */
  observe(ms: number, now = this.#now()): void {
    const counts = this.#current(now);
    const bucket = bucketOf(ms);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }

  /** The counts of the last 4.5 to 5 minutes, one per bucket, without empty buckets at the end. */
  counts(): number[] {
    this.#current(this.#now());
    return mergeCounts(this.#slices);
  }

  /** The counts of the current slice, after expired ones have been emptied. */
  #current(now: number): Uint32Array {
    for (let moved = 0; now >= this.#sliceEndsAt; moved += 1) {
      this.#slice = (this.#slice + 1) % SLICES;
      this.#slices[this.#slice]?.fill(0);
      // all slices are empty, so skip to the current one
      this.#sliceEndsAt = moved < SLICES ? this.#sliceEndsAt + SLICE_MS : now + SLICE_MS;
    }
    return this.#slices[this.#slice] as Uint32Array;
  }
}

function mergeCounts(countsList: Iterable<ArrayLike<number>>): number[] {
  const sums: number[] = [];
  for (const counts of countsList) {
    for (let i = 0; i < counts.length; i += 1) sums[i] = (sums[i] ?? 0) + (counts[i] ?? 0);
  }
  while (sums.at(-1) === 0) sums.pop();
  return sums;
}

/** The percentiles of several windows together, in milliseconds; null if all are empty. */
export function percentiles(countsList: Iterable<readonly number[]>): Percentiles | null {
  const counts = mergeCounts(countsList);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const at = (share: number): number => {
    let below = total * share;
    // further digits would be within the error
    return Number(middleOf(counts.findIndex((count) => (below -= count) <= 0)).toPrecision(3));
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
