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

it("work is done in order, with turns of the event loop in between", async () => {
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
  await until(() => done.length === 52, { what: "all is done" });
  expect(done).toEqual([...Array.from({ length: 50 }, (_, i) => `a${i + 1}`), "b1", "b2"]);
  expect(turns).toBeGreaterThanOrEqual(9);
});

it("work that is added by a step comes after what was added before", () => {
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

it("work that is added bit by bit in one turn gets one slice of it", async () => {
  const work = new SlicedWork();
  const done: string[] = [];
  for (let i = 0; i < 40; i += 1) work.add(busy("a", 1, done));
  expect(done.length).toBeLessThan(20);
  await until(() => done.length === 40, { what: "all is done" });
});
