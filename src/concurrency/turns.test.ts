import { expect, it } from "vitest";
import { Turns } from "./turns.ts";

/** Pieces of work that end on demand. */
function setup() {
  const turns = new Turns();
  const started: string[] = [];
  const ends: (() => void)[] = [];
  const take = (caller: string, name: string, signal?: AbortSignal): Promise<string> =>
    turns.take(
      caller,
      () => {
        started.push(name);
        return new Promise<string>((resolve) => void ends.push(() => resolve(name)));
      },
      signal,
    );
  const endNext = async (): Promise<void> => {
    ends.shift()?.();
    await new Promise(setImmediate);
  };
  return { turns, started, take, endNext };
}

it("runs one piece at a time, and callers take turns", async () => {
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

it("skips a caller that no longer waits", async () => {
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

it("a failed piece passes its turn on", async () => {
  const { turns, take, endNext } = setup();
  const failing = turns.take("a", () => Promise.reject(new Error("away")));
  const next = take("b", "b1");
  await expect(failing).rejects.toThrow("away");
  await endNext();
  expect(await next).toBe("b1");
});

it("groups take turns, however their pieces began, and none starves", async () => {
  const turns = new Turns();
  const order: string[] = [];
  let end = (): void => undefined;
  const first = turns.take(
    "a",
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  const all = ["a1", "a2", "a3", "b1", "c1", "b2"].map((name) =>
    turns.take(name.slice(0, 1), async () => {
      order.push(name);
      await new Promise(setImmediate);
    }),
  );
  end();
  await Promise.all([first, ...all]);
  expect(order).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  expect(await turns.take("d", () => Promise.resolve("alone"))).toBe("alone");
});

it("a wait ends with the reason of its signal, and the turn goes to the next", async () => {
  const turns = new Turns();
  const abort = new AbortController();
  let end = (): void => undefined;
  const first = turns.take(
    "a",
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  const [leaving, staying] = [
    turns.take("a", () => Promise.resolve(), abort.signal),
    turns.take("b", () => Promise.resolve("went")),
  ];
  abort.abort(new Error("cancelled"));
  await expect(leaving).rejects.toThrow("cancelled");
  await expect(turns.take("a", () => Promise.resolve(), abort.signal)).rejects.toThrow("cancelled");
  end();
  expect(await staying).toBe("went");
  await first;
});
