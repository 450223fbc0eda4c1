import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { EventLoopDelay } from "./event-loop-delay.ts";

let delay: EventLoopDelay;
beforeEach(() => { delay = new EventLoopDelay(); });
afterEach(() => delay.close());

async function blockFor(ms: number): Promise<void> {
  await sleep(100); // a monitor measures from its first tick on
  const end = performance.now() + ms;
  while (performance.now() < end);
  await sleep(100); // its next tick tells
}

it("tells of a delay in the period that it fell in, and once more to who asks for the worst", async () => {
  await blockFor(500);
  const seen = delay.period().maxMs;
  expect(seen).toBeGreaterThan(300);
  expect(delay.period().maxMs).toBeLessThan(seen);
  expect(delay.worst().maxMs).toBe(seen);
  expect(delay.worst().maxMs).toBeLessThan(seen);
});

it("says zero where nothing was measured", () => {
  delay.period();
  expect(delay.period()).toEqual({ p50Ms: 0, p99Ms: 0, maxMs: 0 });
});
