import { describe, expect, it } from "vitest";
import { RowBuffer } from "./row-buffer.ts";

describe("a row buffer", () => {
  it("joins rows as UTF-8", () => {
    expect(new RowBuffer().fill(["a\n", "é€😀\n"], (row) => row).toString()).toBe("a\né€😀\n");
  });

  it("grows for rows that do not fit, wherever the limit falls, and goes on", () => {
    const buffer = new RowBuffer();
    const rows = Array.from({ length: 40 }, (_, i) => `${"é".repeat(50_000 + i)}\n`);
    expect(buffer.fill(rows, (row) => row).toString()).toBe(rows.join(""));
    const long = "x".repeat(5_000_000);
    expect(buffer.fill(["a", long, "b"], (row) => row).toString()).toBe(`a${long}b`);
    expect(buffer.fill(["a"], (row) => row).toString()).toBe("a");
  });
});
