import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { EventLoopDelay } from "./event-loop-delay.ts";

let delay: EventLoopDelay;
beforeEach(() => {
  delay = new EventLoopDelay();
});
afterEach(() => delay.close());

async function blockFor(ms: number): Promise<void> {
  await sleep(100); // the monitor starts to measure at its first tick
  const end = performance.now() + ms;
  while (performance.now() < end);
  await sleep(100); // its next tick reports the delay
}

it("reports a delay for its period, and for the worst period", async () => {
  await blockFor(500);
  const seen = delay.period().maxMs;
  expect(seen).toBeGreaterThan(300);
  expect(delay.period().maxMs).toBeLessThan(seen);
  expect(delay.worst().maxMs).toBe(seen);
  expect(delay.worst().maxMs).toBeLessThan(seen);
});

it("has percentiles while the loop is in use", async () => {
  await blockFor(100);
  for (let i = 0; i < 10; i += 1) await blockFor(60);
  const { p50Ms, p99Ms, maxMs } = delay.period();
  expect(p99Ms).toBeGreaterThan(30);
  expect(maxMs).toBeGreaterThanOrEqual(p99Ms);
  expect(p50Ms).toBeLessThanOrEqual(p99Ms);
});

it("is near zero while the loop is idle", async () => {
  delay.period();
  await sleep(500);
  expect(delay.period().maxMs).toBeLessThan(200);
});
