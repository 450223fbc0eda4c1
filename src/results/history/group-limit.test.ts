import { expect, it } from "vitest";
import { GroupLimit, MAX_GROUPS, OTHER } from "./group-limit.ts";

const group = (n: number, type = "email") => ({ type, code: "permanent", signature: `s${n}` });

it("counts groups beyond the limit of an hour as one for each type, and those within it still alone", () => {
  const limit = new GroupLimit();
  for (let n = 0; n < MAX_GROUPS; n += 1) expect(limit.groupOf(1, group(n))).toEqual(group(n));
  expect(limit.groupOf(1, group(MAX_GROUPS))).toEqual({ type: "email", code: OTHER, signature: OTHER });
  expect(limit.groupOf(1, group(0, "webhook"))).toEqual({ type: "webhook", code: OTHER, signature: OTHER });
  expect(limit.groupOf(1, group(7))).toEqual(group(7));
  expect(limit.groupOf(2, group(MAX_GROUPS))).toEqual(group(MAX_GROUPS));
});

it("remembers the hours used last", () => {
  const limit = new GroupLimit();
  for (let n = 0; n < MAX_GROUPS; n += 1) limit.groupOf(0, group(n));
  for (let hour = 1; hour < 24; hour += 1) limit.groupOf(hour, group(0));
  expect(limit.groupOf(0, group(MAX_GROUPS)).code).toBe(OTHER);
  for (let hour = 24; hour < 48; hour += 1) limit.groupOf(hour, group(0));
  expect(limit.groupOf(0, group(MAX_GROUPS))).toEqual(group(MAX_GROUPS));
});
