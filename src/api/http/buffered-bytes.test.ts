import { expect, it } from "vitest";
import { BufferedBytes } from "./buffered-bytes.ts";

it("bounds the bytes of all callers, and those of one caller to half of that", () => {
  const bytes = new BufferedBytes(100);
  expect(bytes.add("a", 50)).toBe(true);
  expect(bytes.add("a", 1)).toBe(false);
  expect(bytes.add("b", 30)).toBe(true);
  expect(bytes.add("c", 21)).toBe(false);
  expect(bytes.add("c", 20)).toBe(true);
  bytes.remove("a", 20);
  expect(bytes.add("c", 20)).toBe(true);
  for (const [caller, bytesOfCaller] of [
    ["a", 30],
    ["b", 30],
    ["c", 40],
  ] as const)
    bytes.remove(caller, bytesOfCaller);
  expect(bytes.add("d", 50)).toBe(true);
});
