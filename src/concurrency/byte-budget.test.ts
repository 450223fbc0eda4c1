import { expect, it } from "vitest";
import { ByteBudget } from "./byte-budget.ts";

/** Whether each of these has resolved, once all that can resolve now has. */
async function states(...promises: readonly Promise<unknown>[]): Promise<boolean[]> {
  const isDone = promises.map(() => false);
  promises.forEach(
    (promise, i) =>
      void promise.then(
        () => {
          isDone[i] = true;
        },
        () => undefined,
      ),
  );
  await new Promise(setImmediate);
  return isDone;
}

it("admits shares that fit, and the others in order of arrival, even small ones", async () => {
  const budget = new ByteBudget(10);
  const first = await budget.acquire(8);
  const [second, third] = [budget.acquire(5), budget.acquire(1)];
  expect(await states(second, third)).toEqual([false, false]);
  expect([budget.used, budget.waiting]).toEqual([8, 2]);
  first.release();
  first.release();
  expect(await states(second, third)).toEqual([true, true]);
  expect([budget.used, budget.waiting]).toEqual([6, 0]);
});

it("gives a share that is larger than the budget the whole budget", async () => {
  const budget = new ByteBudget(10);
  const share = await budget.acquire(25);
  expect([share.bytes, budget.used]).toEqual([10, 10]);
  share.release();
  expect(budget.used).toBe(0);
});

it("ends a wait with its signal, and serves those behind it", async () => {
  const budget = new ByteBudget(10);
  await budget.acquire(5);
  const abort = new AbortController();
  const large = budget.acquire(8, abort.signal);
  const small = budget.acquire(2, new AbortController().signal);
  expect(await states(large, small)).toEqual([false, false]);
  abort.abort(new Error("cancelled"));
  await expect(large).rejects.toThrow("cancelled");
  expect(await states(small)).toEqual([true]);
  expect([budget.used, budget.waiting]).toEqual([7, 0]);
  await expect(budget.acquire(1, abort.signal)).rejects.toThrow("cancelled");
  expect(budget.used).toBe(7);
});

it("releases the bytes that a share does not need", async () => {
  const budget = new ByteBudget(10);
  const share = await budget.acquire(10);
  const next = budget.acquire(6);
  share.shrinkTo(4);
  expect(await states(next)).toEqual([true]);
  share.shrinkTo(7); // no way to grow
  expect([share.bytes, budget.used]).toEqual([4, 10]);
});

it("lets the oldest share grow beyond the bound, to avoid a deadlock of shares", async () => {
  const budget = new ByteBudget(10);
  const shares = [await budget.acquire(4), await budget.acquire(4)];
  const newcomer = budget.acquire(1); // fits, and is in
  const growing = [shares[1]?.grow(4), shares[0]?.grow(4)];
  expect(await states(...(growing as Promise<void>[]), newcomer)).toEqual([false, true, true]);
  expect(budget.used).toBe(13);
  const late = budget.acquire(0);
  shares[0]?.release();
  expect(await states(growing[0] as Promise<void>, late)).toEqual([true, true]);
  expect([budget.used, budget.waiting]).toEqual([9, 0]);
});

it("serves shares that wait to grow before new ones, the oldest at once when it becomes the oldest", async () => {
  const budget = new ByteBudget(10);
  const [first, second] = [await budget.acquire(1), await budget.acquire(9)];
  const growing = second.grow(9);
  const entering = budget.acquire(1);
  first.release();
  expect(await states(growing, entering)).toEqual([true, false]);
  expect([second.bytes, budget.used]).toEqual([18, 18]);
  second.release();
  expect(await states(entering)).toEqual([true]);
});
