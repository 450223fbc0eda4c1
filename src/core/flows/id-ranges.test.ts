import fc from "fast-check";
import { expect, it } from "vitest";
import { idAfter, idsFrom } from "../id.ts";
import type { IdRange } from "./flow.ts";
import { between, countOf, rangesOf, without } from "./id-ranges.ts";

const FIRST = "01969000-0000-7000-8000-000000000000";
const PREFIXES = [FIRST, "01969001-0000-7000-8000-0000ffff0000"];

/** Some of 40 ids in two groups, rising. */
const someIds = fc
  .uniqueArray(fc.nat(39))
  .map((numbers) => numbers.map((n) => idAfter(PREFIXES[n % 2] ?? FIRST, n)).sort());
const idsOf = (ranges: readonly IdRange[]): string[] => ranges.flatMap(({ first, count }) => idsFrom(first, count));

/** The ids in ranges that are cut at random places, in any order. */
const cutRanges = fc.tuple(someIds, fc.array(fc.nat(3), { minLength: 40, maxLength: 40 })).chain(([ids, cuts]) => {
  const parts = rangesOf(ids).flatMap((range) => {
    const end = cuts[range.count % 40] ?? 0;
    const halves = [between([range], 0, end), between([range], end, range.count)];
    return halves.flat();
  });
  return fc.shuffledSubarray(parts, { minLength: parts.length });
});

it("ranges have the ids that they were made of, in as few parts as possible", () => {
  fc.assert(
    fc.property(someIds, (ids) => {
      const ranges = rangesOf(ids);
      expect([idsOf(ranges), countOf(ranges)]).toEqual([ids, ids.length]);
      expect(ranges.length).toBe(ids.filter((id) => !ids.includes(idAfter(id, -1))).length);
    }),
  );
});

it("a part has the ids at these positions", () => {
  fc.assert(
    fc.property(cutRanges, fc.integer({ min: -5, max: 45 }), fc.nat(45), (ranges, from, count) => {
      const expected = idsOf(ranges).slice(Math.max(0, from), Math.max(0, from + count));
      expect(idsOf(between(ranges, from, count))).toEqual(expected);
    }),
  );
});

it("without other ids, all the rest is left", () => {
  fc.assert(
    fc.property(cutRanges, cutRanges, (ranges, others) => {
      const gone = new Set(idsOf(others));
      const rest = idsOf(ranges)
        .filter((id) => !gone.has(id))
        .sort();
      expect(idsOf(without(ranges, others))).toEqual(rest);
    }),
  );
});
