import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { confirm, printable } from "./terminal.ts";

describe("a question", () => {
  it.each([
    ["y\n", true],
    ["YES\r\n", true],
    ["yess\n", false],
    ["n\ny\n", false],
    ["\n", false],
    ["", false],
  ])("takes %j for %s", async (text, isYes) => {
    const asked: string[] = [];
    expect(
      await confirm({ input: new PassThrough().end(text), err: { write: (line) => asked.push(line) } }, "Sure?"),
    ).toBe(isYes);
    expect(asked).toEqual(["Sure? [y/N] "]);
  });
});

it("writes out what would steer a terminal", () => {
  expect(printable("a\u001b[2J\u009b1m\nb\u202e\u0007 ü 漢 🎉")).toBe("a\\u001b[2J\\u009b1m\\nb\\u202e\\u0007 ü 漢 🎉");
});
