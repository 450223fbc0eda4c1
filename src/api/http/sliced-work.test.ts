import { expect, it } from "vitest";
import { until } from "../../testing/until.ts";
import { SlicedWork } from "./sliced-work.ts";

function* busy(name: string, steps: number, done: string[]): Generator<void> {
  for (let step = 1; step <= steps; step += 1) {
    const end = performance.now() + 1;
    while (performance.now() < end);
    done.push(`${name}${step}`);
    yield;
  }
}

it("does work in order, with turns of the event loop in between", async () => {
  const work = new SlicedWork();
  const done: string[] = [];
  let turns = 0;
  const count = (): void => {
    turns += 1;
    setImmediate(count);
  };
  setImmediate(count);
  work.add(busy("a", 50, done));
  expect(done.length).toBeLessThan(50); // the first slice is done at once
  expect(done.length).toBeGreaterThan(0);
  work.add(busy("b", 2, done));
  await until(() => done.length === 52, { what: "all work is done" });
  expect(done).toEqual([...Array.from({ length: 50 }, (_, i) => `a${i + 1}`), "b1", "b2"]);
  expect(turns).toBeGreaterThanOrEqual(9);
});

it("does work that a step adds after all earlier work", () => {
  const work = new SlicedWork();
  const done: string[] = [];
  work.add(
    (function* () {
      work.add(
        (function* () {
          done.push("inner");
          yield;
        })(),
      );
      done.push("outer");
      yield;
      done.push("outer");
    })(),
  );
  expect(done).toEqual(["outer", "outer", "inner"]);
});

it("gives all work that is added in one turn a single slice", async () => {
  const work = new SlicedWork();
  const done: string[] = [];
  for (let i = 0; i < 40; i += 1) work.add(busy("a", 1, done));
  expect(done.length).toBeLessThan(20);
  await until(() => done.length === 40, { what: "all work is done" });
});
