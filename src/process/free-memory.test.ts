import { describe, expect, it } from "vitest";
import { collectGarbage, freeBuffer } from "./free-memory.ts";

const MIB = 1024 * 1024;

describe("memory", () => {
  it("of a buffer is freed at once, and the buffer is empty", () => {
    const buffers = Array.from({ length: 8 }, () => new Uint8Array(16 * MIB).fill(1));
    const before = process.memoryUsage.rss();
    for (const buffer of buffers) freeBuffer(buffer);
    expect(buffers.map(({ length }) => length)).toEqual(buffers.map(() => 0));
    expect(before - process.memoryUsage.rss()).toBeGreaterThan(64 * MIB);
  });

  it("of unreferenced objects is collected", () => {
    let value: object | undefined = { large: new Array<number>(4 * MIB).fill(0.5) };
    const reference = new WeakRef(value);
    expect(reference.deref()).toBe(value);
    value = undefined;
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      collectGarbage();
      expect(reference.deref()).toBeUndefined();
    });
  });
});
