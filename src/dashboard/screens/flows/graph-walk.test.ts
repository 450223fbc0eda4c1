import { expect, it } from "vitest";
import { nextNode } from "./graph-walk.ts";

/**
 * 0   1   2
 *     3
 */
const PLACES = [
  { x: 0, y: 0 },
  { x: 200, y: 0 },
  { x: 400, y: 0 },
  { x: 200, y: 90 },
];

it.each([
  [0, "ArrowRight", 1],
  [1, "ArrowRight", 2],
  [2, "ArrowRight", undefined],
  [2, "ArrowLeft", 1],
  [1, "ArrowDown", 3],
  [3, "ArrowUp", 1],
  [3, "ArrowRight", 2],
  [0, "ArrowUp", undefined],
  [2, "Home", 0],
  [0, "End", 3],
  [0, "Enter", undefined],
] as [number, string, number | undefined][])("from node %i, %s leads to %s", (from, key, expected) => {
  expect(nextNode(key, from, PLACES)).toBe(expected);
});
