import { expect, it } from "vitest";
import { timeOfId } from "../core/id.ts";
import { DAY_MS } from "../core/time.ts";
import { idAt } from "../testing/outcomes.ts";
import { groupsOf, rangeOf } from "./job-find.ts";

it("ids are read in groups of eight days at most, however close to each other they are", () => {
  const start = Date.UTC(2026, 10, 30);
  const ids = Array.from({ length: 400 }, (_, n) => idAt(start - n * (DAY_MS / 4)));
  const groups = groupsOf(ids);
  expect(groups.flat()).toEqual(ids);
  const spans = groups.map((group) => (timeOfId(group[0] ?? "") - timeOfId(group.at(-1) ?? "")) / DAY_MS);
  expect(Math.max(...spans)).toBe(8);
  expect(groups).toHaveLength(13);
  for (const group of groups) {
    const { below, from } = rangeOf(group);
    expect(group.every((id) => id < below && id >= from)).toBe(true);
  }
  expect(groupsOf([])).toEqual([]);
});
