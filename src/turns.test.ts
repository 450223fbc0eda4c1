import { expect, it } from "vitest";
import { Turns } from "./turns.ts";

/** Pieces of work that end when they are told to. */
function setup() {
  const turns = new Turns();
  const started: string[] = [];
  const ends: (() => void)[] = [];
  const take = (caller: string, name: string, signal?: AbortSignal): Promise<string> =>
    turns.take(caller, () => {
      started.push(name);
      return new Promise<string>((resolve) => void ends.push(() => resolve(name)));
    }, signal);
  const endNext = async (): Promise<void> => {
    ends.shift()?.();
    await new Promise(setImmediate);
  };
  return { turns, started, take, endNext };
}

it("one piece is under way at a time, and callers take turns", async () => {
  const { started, take, endNext } = setup();
  const all = ["a1", "a2", "a3", "b1", "c1", "b2"].map((name) => take(name.charAt(0), name));
  expect(started).toEqual(["a1"]);
  for (let i = 0; i < all.length; i++) await endNext();
  expect(started).toEqual(["a1", "a2", "b1", "c1", "a3", "b2"]);
  expect(await Promise.all(all)).toEqual(["a1", "a2", "a3", "b1", "c1", "b2"]);
  const later = take("a", "a4");
  await endNext();
  expect(await later).toBe("a4");
});

it("who does not wait any more is left out", async () => {
  const { started, take, endNext } = setup();
  const gone = new AbortController();
  const first = take("a", "a1");
  const second = take("b", "b1", gone.signal);
  const third = take("b", "b2");
  gone.abort();
  await expect(second).rejects.toThrow();
  await expect(take("c", "c1", gone.signal)).rejects.toThrow();
  await endNext();
  await endNext();
  expect([await first, await third, started]).toEqual(["a1", "b2", ["a1", "b2"]]);
});

it("a piece that fails gives its turn away", async () => {
  const { turns, take, endNext } = setup();
  const failing = turns.take("a", () => Promise.reject(new Error("away")));
  const next = take("b", "b1");
  await expect(failing).rejects.toThrow("away");
  await endNext();
  expect(await next).toBe("b1");
});
