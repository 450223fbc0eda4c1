import { describe, expect, it } from "vitest";
import { SharedRead } from "./shared-read.ts";

/** A read whose answers are given by hand. */
function setup() {
  const reads: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
  const clock = { now: 0 };
  const shared = new SharedRead(() => new Promise<number>((resolve, reject) => void reads.push({ resolve, reject })), {
    maxAgeMs: 1_000,
    now: () => clock.now,
  });
  return { reads, clock, shared };
}

describe("a recent read", () => {
  it("is shared by all callers within a second, during and after the read", async () => {
    const { reads, clock, shared } = setup();
    const first = Array.from({ length: 100 }, () => shared.recent());
    reads[0]?.resolve(1);
    expect(new Set(await Promise.all(first))).toEqual(new Set([1]));
    clock.now = 999;
    expect(await shared.recent()).toBe(1);
    expect(reads).toHaveLength(1);
    clock.now = 1_000;
    const second = shared.recent();
    reads[1]?.resolve(2);
    expect(await second).toBe(2);
  });

  it("never has a second one beside it, however long it takes", async () => {
    const { reads, clock, shared } = setup();
    const first = shared.recent();
    clock.now = 60_000;
    const second = shared.recent();
    reads[0]?.resolve(1);
    expect([await first, await second, reads.length]).toEqual([1, 1, 1]);
  });

  it("shares its failure as well", async () => {
    const { reads, clock, shared } = setup();
    const failing = [shared.recent(), shared.recent()];
    reads[0]?.reject(new Error("away"));
    for (const each of failing) await expect(each).rejects.toThrow("away");
    await expect(shared.recent()).rejects.toThrow("away");
    clock.now = 1_000;
    const next = shared.recent();
    reads[1]?.resolve(2);
    expect([await next, reads.length]).toEqual([2, 2]);
  });
});

describe("a fresh read", () => {
  it("begins after the call, and only one is in progress at a time", async () => {
    const { reads, shared } = setup();
    const first = shared.fresh();
    const later = Array.from({ length: 100 }, () => shared.fresh());
    expect(reads).toHaveLength(1);
    reads[0]?.reject(new Error("away"));
    await expect(first).rejects.toThrow("away");
    expect(reads).toHaveLength(2);
    const latest = shared.fresh();
    reads[1]?.resolve(2);
    expect(new Set(await Promise.all(later))).toEqual(new Set([2]));
    reads[2]?.resolve(3);
    expect([await latest, reads.length]).toEqual([3, 3]);
  });
});
