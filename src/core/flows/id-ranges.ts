/** Ranges of the ids that a flow's jobs have. */
import { at } from "../at.ts";
import { idAfter, idsFrom } from "../id.ts";
import type { IdRange } from "./flow.ts";

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

/** How many ids there are. */
export function countOf(ranges: readonly IdRange[]): number {
  return ranges.reduce((sum, { count }) => sum + count, 0);
}

export function idsIn(ranges: readonly IdRange[]): string[] {
  return ranges.flatMap(({ first, count }) => idsFrom(first, count));
}

/** The ids of the ranges that have these positions in all of them. */
export function between(ranges: readonly IdRange[], from: number, count: number): IdRange[] {
  const found: IdRange[] = [];
  let before = 0;
  for (const range of ranges) {
    const start = Math.max(0, from - before);
    const end = Math.min(range.count, from + count - before);
    if (end > start) found.push(partOf(range, start, end - start));
    before += range.count;
  }
  return found;
}

/** The ids in as few ranges as possible. @param ids in rising order */
export function rangesOf(ids: readonly string[]): IdRange[] {
  const ranges: IdRange[] = [];
  let [first = "", count] = [ids[0], 0];
  for (const id of ids) {
    if (idAfter(first, count) === id) count += 1;
    else {
      ranges.push({ first, count });
      [first, count] = [id, 1];
    }
  }
  return count === 0 ? ranges : [...ranges, { first, count }];
}

/** The ids that are in none of the others, in rising order. */
export function without(ranges: readonly IdRange[], others: readonly IdRange[]): IdRange[] {
  const gone = rising(others);
  const kept: IdRange[] = [];
  let next = 0;
  for (const range of rising(ranges)) {
    let start = 0;
    while (next < gone.length && lastOf(at(gone, next)) < range.first) next += 1;
    for (let nth = next; nth < gone.length && at(gone, nth).first <= lastOf(range); nth += 1) {
      const { first } = at(gone, nth);
      const from = positionIn(range, first) ?? 0;
      if (from > start) kept.push(partOf(range, start, from - start));
      start = (positionIn(range, lastOf(at(gone, nth))) ?? range.count - 1) + 1;
    }
    if (start < range.count) kept.push(partOf(range, start, range.count - start));
  }
  return kept;
}

function rising(ranges: readonly IdRange[]): IdRange[] {
  return [...ranges].sort((a, b) => (a.first < b.first ? -1 : 1));
}
