/** Ranges of the ids that a flow's jobs have. */
import type { IdRange } from "../../core/flows/flow.ts";
import { idAfter } from "../../core/id.ts";

/** Characters of an id before the part that counts up. */
const PREFIX = 28;

/** The part of an id that counts up. */
export function counterOf(id: string): number {
  return Number.parseInt(id.slice(PREFIX), 16);
}

export function idAt({ first }: IdRange, position: number): string {
  return idAfter(first, position);
}

export function lastOf({ first, count }: IdRange): string {
  return idAfter(first, count - 1);
}

/** The ids of a range that have a position of `from` or more, and less than `from + count`. */
function partOf(range: IdRange, from: number, count: number): IdRange {
  return { first: idAfter(range.first, from), count: Math.min(count, range.count - from) };
}

/** The position of an id in a range; undefined if it is not in the range. */
export function positionIn({ first, count }: IdRange, id: string): number | undefined {
  if (id.slice(0, PREFIX) !== first.slice(0, PREFIX)) return undefined;
  const position = counterOf(id) - counterOf(first);
  return position >= 0 && position < count ? position : undefined;
}

/** Parts of the ranges, of up to `size` ids. */
export function* slicesOf(ranges: readonly IdRange[], size: number): Generator<IdRange> {
  for (const range of ranges) for (let from = 0; from < range.count; from += size) yield partOf(range, from, size);
}
