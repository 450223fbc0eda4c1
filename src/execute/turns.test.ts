import { expect, it } from "vitest";
import { Turns } from "./turns.ts";

const never = new AbortController().signal;

it("lets groups take turns, and within a group the first to come is first", async () => {
  const turns = new Turns();
  const order: string[] = [];
  const first = await turns.take("a", never);
  const all = ["a1", "a2", "a3", "b1", "c1", "b2"].map(async (name) => {
    const end = await turns.take(name.slice(0, 1), never);
    order.push(name);
    await new Promise(setImmediate);
    end();
  });
  first();
  await Promise.all(all);
  expect(order).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  (await turns.take("d", never))(); // nobody is left in it
});

it("ends a wait with its signal, and gives the turn to the next", async () => {
  const turns = new Turns();
  const abort = new AbortController();
  const first = await turns.take("a", never);
  const [leaving, staying] = [turns.take("a", abort.signal), turns.take("b", never)];
  abort.abort(new Error("cancelled"));
  await expect(leaving).rejects.toThrow("cancelled");
  await expect(turns.take("a", abort.signal)).rejects.toThrow("cancelled");
  first();
  (await staying)();
});
