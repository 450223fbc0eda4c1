import { expect, it } from "vitest";
import { RedisClock } from "./clock.ts";

/** Redis's time less this process's, in ms, as a clock knows it. */
const offsetOf = (clock: RedisClock): number => clock.now() - performance.now();

it("uses the quickest answer, until it contradicts another", () => {
  const clock = new RedisClock();
  clock.learn(1_000_010, 0, 20);
  expect(offsetOf(clock)).toBeCloseTo(1_000_000, -1);
  clock.learn(1_000_530, 0, 1_000); // by it, anything from 999,530 on
  expect(offsetOf(clock)).toBeCloseTo(1_000_000, -1);
  clock.learn(1_000_003, 0, 4);
  expect(offsetOf(clock)).toBeCloseTo(1_000_001, -1);
});

it("learns at once that Redis's clock was set, even from slow answers", () => {
  const clock = new RedisClock();
  clock.learn(1_000_001, 0, 2);
  clock.learn(1_060_050, 0, 100);
  expect(offsetOf(clock)).toBeCloseTo(1_060_000, -1);
  clock.learn(1_000_050, 0, 100);
  expect(offsetOf(clock)).toBeCloseTo(1_000_000, -1);
});
