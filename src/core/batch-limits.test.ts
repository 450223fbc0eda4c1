import { expect, it } from "vitest";
import { batchLength } from "./batch-limits.ts";

const limits = { maxItems: 3, maxSize: 10 };

it.each([
  ["takes nothing from an empty queue", [], 0],
  ["takes all that fits", [1, 2], 2],
  ["stops at the number of items", [1, 1, 1, 1], 3],
  ["ends with the item that reaches the size", [4, 6, 1], 2],
  ["ends with an item that exceeds the size", [9, 50, 1], 2],
  ["takes an item larger than the limit, alone", [50, 1], 1],
])("%s", (_, sizes, count) => {
  expect(batchLength(sizes, limits, (size) => size)).toBe(count);
});
