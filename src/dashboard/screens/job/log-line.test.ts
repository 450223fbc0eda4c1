import { expect, it } from "vitest";
import { timedLine, timeOf } from "./log-line.ts";

const AT = Date.UTC(2026, 2, 1, 12, 0, 0, 5);

it.each([
  ["2026-03-01T12:00:00.005Z hello  there", { at: AT, text: "hello  there" }],
  ["2026-03-01T12:00:00.005Z     at run (file.js:1:2)", { at: AT, text: "    at run (file.js:1:2)" }],
  ["2026-99-99T12:00:00.005Z hello", { at: undefined, text: "2026-99-99T12:00:00.005Z hello" }],
  ["hello", { at: undefined, text: "hello" }],
])("reads %j", (line, timed) => {
  expect(timedLine(line)).toEqual(timed);
  expect(timeOf(line)).toBe(timed.at);
});
