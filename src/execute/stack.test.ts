import { expect, it } from "vitest";
import { PermanentError, RetryAfterError, RetryableError } from "../core/job-type.ts";
import { stackOf } from "./stack.ts";

it("has the error's name and stack, without its message", () => {
  const lines = stackOf(new TypeError("a secret\n  at first sight"));
  expect(lines[0]).toBe("TypeError");
  expect(lines.find((line) => line.includes("stack.test.ts"))).toMatch(/^ +at .*stack\.test\.ts:\d+:\d+\)?$/);
  expect(lines.join()).not.toContain("a secret");
});

it("is bounded in lines and characters", () => {
  const deep = Object.assign(new Error("deep"), { stack: `Error: deep${"\n    at f (file:///a.mjs:1:1)".repeat(90)}` });
  expect(stackOf(deep)).toHaveLength(20);
  const wide = Object.assign(new Error("wide"), { stack: `Error: wide${`\n    at ${"f".repeat(900)}`.repeat(9)}` });
  expect(stackOf(wide)).toHaveLength(3);
});

it.each([
  new PermanentError("no"),
  new RetryAfterError("later", 1_000),
  new RetryableError("once more", { code: "busy" }),
  Object.assign(new Error("of a second copy of the module"), { name: "PermanentError" }),
  "a text",
  undefined,
  Object.defineProperty(new Error("hostile"), "stack", {
    get: () => {
      throw new Error("no");
    },
  }),
])("is empty for %s", (thrown) => {
  expect(stackOf(thrown)).toEqual([]);
});
