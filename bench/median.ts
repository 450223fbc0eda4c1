/** The median of values in any order: the mean of the middle two if their number is even, NaN without values. */
export function medianOf(values: readonly number[]): number {
  return quantileOf(values, 0.5);
}

/** A quantile, interpolated linearly between the nearest two values; NaN without values. @param share 0 to 1 */
export function quantileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? NaN;
  const above = sorted[Math.ceil(at)] ?? NaN;
  return below + (above - below) * (at - Math.floor(at));
}

/** The ratios of the values of each round. */
export function ratiosOf(values: readonly number[], others: readonly number[]): number[] {
  return values.slice(0, others.length).map((value, n) => value / (others[n] ?? NaN));
}
