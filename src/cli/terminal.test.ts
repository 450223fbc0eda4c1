import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { confirm } from "./terminal.ts";

describe("a question", () => {
  it.each([
    ["y\n", true],
    ["YES\r\n", true],
    ["yess\n", false],
    ["n\ny\n", false],
    ["\n", false],
    ["", false],
  ])("reads %j as %s", async (text, isYes) => {
    const asked: string[] = [];
    expect(
      await confirm({ input: new PassThrough().end(text), err: { write: (line) => asked.push(line) } }, "Sure?"),
    ).toBe(isYes);
    expect(asked).toEqual(["Sure? [y/N] "]);
  });
});
