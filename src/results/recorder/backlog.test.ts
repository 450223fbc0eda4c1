import { describe, expect, it } from "vitest";
import { outcomes, outcomeWith } from "../../testing/outcomes.ts";
import { Backlog } from "./backlog.ts";

const MIB = 1_024 * 1_024;
const large = (): ReturnType<typeof outcomeWith> => outcomeWith({ job: { payload: "x".repeat(MIB) } });

describe("a backlog", () => {
  it("returns the oldest first", () => {
    const backlog = new Backlog({ highMark: 10, lowMark: 5 });
    const [a, b, c] = outcomes(3);
    if (!a || !b || !c) throw new Error("three were made");
    backlog.add([a, b, c], 10);
    expect(backlog.take(2)).toEqual([a, b]);
    expect(backlog.take(2)).toEqual([c]);
    expect(backlog.take(2)).toEqual([]);
  });

  it("keeps the bytes of large payloads up to the low mark, and takes the outcomes beyond it all the same", () => {
    const backlog = new Backlog({ highMark: 1_000, lowMark: 500 });
    const withData = () => outcomeWith({ job: { payload: { size: MIB, data: Buffer.alloc(MIB) } } });
    expect(backlog.add(Array.from({ length: 100 }, withData), 1_000)).toBe(100);
    expect(backlog.isFull).toBe(false);
    const taken: unknown[] = [];
    while (backlog.size > 0) {
      const batch = backlog.take(1_000);
      expect(batch.length).toBeLessThanOrEqual(4); // 4 MiB
      taken.push(...batch.map(({ job: { payload } }) => typeof payload !== "string" && payload.data !== undefined));
    }
    expect(taken.filter(Boolean)).toHaveLength(7); // 8 MiB, in which the results count, too
  });

  it("is full from the high mark until the low one", () => {
    const backlog = new Backlog({ highMark: 10, lowMark: 4 });
    backlog.add(outcomes(9), 100);
    expect(backlog.isFull).toBe(false);
    backlog.add(outcomes(1), 100);
    expect(backlog.isFull).toBe(true);
    backlog.take(5);
    expect(backlog.isFull).toBe(true);
    backlog.take(1);
    expect(backlog.isFull).toBe(false);
    backlog.add(outcomes(5), 100);
    expect(backlog.isFull).toBe(false);
  });

  it("has room up to its low mark, in number and in texts", () => {
    const backlog = new Backlog({ highMark: 10, lowMark: 4 });
    expect(backlog.room).toEqual({ outcomes: 4, chars: 8 * MIB });
    backlog.add([large(), large(), large()], 100);
    expect(backlog.room.outcomes).toBe(1);
    expect(backlog.room.chars).toBeLessThanOrEqual(5 * MIB);
    backlog.add(outcomes(4), 100);
    expect(backlog.room.outcomes).toBe(0);
  });

  it("takes no more than its caller's limit", () => {
    const backlog = new Backlog({ highMark: 10, lowMark: 4 });
    expect(backlog.add(outcomes(9), 7)).toBe(7);
    expect(backlog.add(outcomes(1), 7)).toBe(0);
    expect(backlog.size).toBe(7);
  });

  it("counts characters too: a few large outcomes fill it, and make short batches", () => {
    const backlog = new Backlog({ highMark: 1_000, lowMark: 10 });
    expect(backlog.add(Array.from({ length: 40 }, large), 1_000)).toBe(32); // 32 MiB
    expect(backlog.isFull).toBe(true);
    expect(backlog.take(100)).toHaveLength(4);
    while (backlog.isFull) backlog.take(100);
    expect(backlog.size).toBe(4); // of 1 MiB and a little: below 8 MiB
  });

  it("counts the records of attempts, whose logs may be far longer than the job", () => {
    const backlog = new Backlog({ highMark: 1_000, lowMark: 10 });
    const logged = outcomeWith({ records: ["x".repeat(MIB / 2), "x".repeat(MIB / 2)] });
    expect(
      backlog.add(
        Array.from({ length: 40 }, () => logged),
        1_000,
      ),
    ).toBe(32);
    expect(backlog.isFull).toBe(true);
    expect(backlog.take(100)).toHaveLength(4);
  });
});
