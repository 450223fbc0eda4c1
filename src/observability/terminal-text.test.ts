import { expect, it } from "vitest";
import { hasColours, printable } from "./terminal-text.ts";

it("escapes characters that control a terminal", () => {
  expect(printable("a\u001b[2J\u009b1m\nb\u202e\u0007 ü 漢 🎉")).toBe("a\\u001b[2J\\u009b1m\\nb\\u202e\\u0007 ü 漢 🎉");
});

it.each([
  [{ isTTY: true }, {}, true],
  [{ isTTY: true }, { TERM: "dumb" }, false],
  [{ isTTY: true }, { NO_COLOR: "1", FORCE_COLOR: "1" }, false],
  [{}, {}, false],
  [{}, { FORCE_COLOR: "1" }, true],
  [{ isTTY: true }, { FORCE_COLOR: "0" }, false],
])("whether %j may have colours with %j: %s", (output, env, isColoured) => {
  expect(hasColours(output, env)).toBe(isColoured);
});
