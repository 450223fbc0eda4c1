import { expect, it } from "vitest";
import { at } from "./at.ts";

it("returns the element at an index, and throws if there is none", () => {
  expect([at([1, 2], 1), at("ab", 0), at([null], 0)]).toEqual([2, "a", null]);
  expect(() => at([1, 2], 2)).toThrow("no element 2 of 2");
  expect(() => at([1, 2], -1)).toThrow("no element -1 of 2");
});
