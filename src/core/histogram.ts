/**
 * Histograms of durations with fixed exponential buckets: those of different replicas and times can be added.
 *
 * Bucket 0 has the durations below 1 ms. Bucket i, from 1 on, has those above GROWTH^(i-2) up to GROWTH^(i-1) ms. The
 * estimate of a bucket is the value whose relative error is the same at both ends: at most 4.5 % (the mapping of
 * DDSketch, Masson et al. 2019).
 */

/** The counts of the buckets, up to the highest one that is not 0. */
export type Histogram = readonly number[];

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

const MAX_ERROR = 0.045;
const GROWTH = (1 + MAX_ERROR) / (1 - MAX_ERROR);
const LOG_GROWTH = Math.log(GROWTH);
/** Up to this estimate the result is rounded to the whole millisecond, which then is exact. */
const EXACT_MS = 10;

/** Most durations are short: their buckets are looked up. */
const SHORT_MS = 2_048;
const SHORT_BUCKETS = Uint16Array.from({ length: SHORT_MS }, (_, ms) => computedBucket(ms));

function computedBucket(ms: number): number {
  return ms < 1 ? 0 : 1 + Math.ceil(Math.log(ms) / LOG_GROWTH);
}

/** @param ms a duration; one below 0 counts as 0 */
export function bucketOf(ms: number): number {
  const whole = Math.floor(ms);
  return whole < SHORT_MS ? (SHORT_BUCKETS[Math.max(0, whole)] ?? 0) : computedBucket(whole);
}

/** Adds a duration to a histogram. */
export function count(histogram: number[], ms: number): void {
  const bucket = bucketOf(ms);
  while (histogram.length <= bucket) histogram.push(0);
  histogram[bucket] = (histogram[bucket] ?? 0) + 1;
}

/** The percentiles in milliseconds, within 5 % of the exact ones; null for an empty histogram. */
export function percentilesOf(histogram: Histogram): Percentiles | null {
  const total = histogram.reduce((sum, n) => sum + n, 0);
  if (total === 0) return null;
  const [p50 = 0, p95 = 0, p99 = 0] = [0.5, 0.95, 0.99].map((share) => valueAt(histogram, Math.ceil(share * total)));
  return { p50, p95, p99 };
}

/** @param rank of the value among all, from 1 on */
function valueAt(histogram: Histogram, rank: number): number {
  let seen = 0;
  const bucket = histogram.findIndex((n) => {
    seen += n;
    return seen >= rank;
  });
  if (bucket <= 0) return 0;
  const estimate = GROWTH ** (bucket - 1) * (1 - MAX_ERROR);
  return estimate < EXACT_MS ? Math.round(estimate) : Math.round(estimate * 10) / 10;
}
