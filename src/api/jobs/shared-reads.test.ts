import { describe, expect, it } from "vitest";
import { SharedReads } from "./shared-reads.ts";

/** Reads that the test answers. */
function reads(maxKeys: number) {
  const calls: {
    readonly keys: readonly string[];
    readonly answer: (values: ReadonlyMap<string, number>) => void;
    readonly fail: (error: Error) => void;
  }[] = [];
  const shared = new SharedReads<number>(
    (keys) =>
      new Promise((resolve, reject) => {
        calls.push({ keys, answer: resolve, fail: reject });
      }),
    maxKeys,
  );
  return { calls, shared };
}
const turn = () => new Promise(setImmediate);

describe("shared reads", () => {
  it("read a key once for all requests of one turn, and many keys in one call", async () => {
    const { calls, shared } = reads(3);
    const answers = ["a", "b", "a", "c", "d", "a"].map((key) => shared.get(key));
    await turn();
    expect(calls.map(({ keys }) => keys)).toEqual([["a", "b", "c"]]);
    calls[0]?.answer(
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
    );
    expect(await Promise.all(answers.filter((_, i) => i !== 4))).toEqual([1, 2, 1, undefined, 1]);
    await turn();
    expect(calls[1]?.keys).toEqual(["d"]);
    calls[1]?.answer(new Map([["d", 4]]));
    expect(await answers[4]).toBe(4);
  });

  it("give a request during a call the result of a later call", async () => {
    const { calls, shared } = reads(10);
    const first = shared.get("a");
    await turn();
    const later = Array.from({ length: 100 }, () => shared.get("a"));
    calls[0]?.answer(new Map([["a", 1]]));
    expect(await first).toBe(1);
    await turn();
    expect(calls).toHaveLength(2);
    calls[1]?.answer(new Map([["a", 2]]));
    expect(new Set(await Promise.all(later))).toEqual(new Set([2]));
  });

  it("continue after a failed call", async () => {
    const { calls, shared } = reads(1);
    const [a, b] = [shared.get("a"), shared.get("b")];
    const failed = a.then(
      () => "read",
      (error: unknown) => String(error),
    );
    await turn();
    calls[0]?.fail(new Error("away"));
    expect(await failed).toBe("Error: away");
    await turn();
    calls[1]?.answer(new Map([["b", 2]]));
    expect(await b).toBe(2);
  });
});
