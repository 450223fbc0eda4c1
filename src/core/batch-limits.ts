/** Up to how many items, and how large together, one call carries. */
export interface BatchLimits {
  readonly maxItems: number;
  /** A batch ends with the item that reaches this size. */
  readonly maxSize: number;
}

/**
 * How many items from the front of a queue make the next batch: an item larger than the limit still travels, alone or
 * last.
 * @param sizeOf in the unit of `maxSize`
 * @returns at least 1, unless there are no items
 */
export function batchLength<Item>(
  items: readonly Item[],
  { maxItems, maxSize }: BatchLimits,
  sizeOf: (item: Item) => number,
): number {
  let size = 0;
  let count = 0;
  for (const item of items) {
    if (count === maxItems || size >= maxSize) break;
    size += sizeOf(item);
    count += 1;
  }
  return count;
}
