import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { createLog } from "../observability/log.ts";
import { ReplicaLeases } from "../queue/replica-leases.ts";
import { freshRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { Beat } from "./beat.ts";
import { BlockWatch } from "./block-watch.ts";

const LEASE_MS = 60_000;
const LONGEST_BLOCK_MS = 600_000;
const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function setup() {
  const { address } = await freshRedis();
  const leases = new ReplicaLeases({ url: address, namespace: "taskflow:0", replica: "guarded0", leaseMs: LEASE_MS });
  closers.push(() => leases.close());
  await leases.opened(5_000);
  const lines: Record<string, unknown>[] = [];
  const seen = { ended: 0, lines };
  const beat = new Beat();
  const watch = new BlockWatch({
    leases,
    leaseMs: LEASE_MS,
    beat: new Beat(beat.buffer), // as its thread has it
    log: createLog({
      level: "info",
      replica: "guarded0",
      destination: { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) },
    }),
    longestBlockMs: LONGEST_BLOCK_MS,
    findBlocker: () =>
      Promise.resolve({ type: "email", running: { email: 1 }, jobIds: ["1"], at: "x.js:1:1", stack: ["x.js:1:1"] }),
    end: () => {
      seen.ended += 1;
    },
  });
  return { beat, watch, seen };
}

it("sleeps until a problem is possible: while the main thread beats and renews, it does nothing", async () => {
  const { beat, watch, seen } = await setup();
  beat.renewedAt = performance.now();
  beat.dueAt = performance.now() + 5_000;
  const inMs = watch.look();
  expect(inMs).toBeGreaterThan(4_000);
  expect(inMs).toBeLessThanOrEqual(6_001);
  expect(beat.guardedAt).toBeUndefined();
  expect(seen.lines).toEqual([]);
});

it("renews leases that are overdue, whether the main thread beats or not", async () => {
  const { beat, watch } = await setup();
  const before = performance.now();
  beat.renewedAt = before - LEASE_MS * 0.6;
  beat.dueAt = before + 100;
  watch.look();
  await until(() => beat.guardedAt !== undefined, { what: "it has renewed them" });
  expect(beat.guardedAt).toBeGreaterThanOrEqual(before - 1);
});

it.each([
  { what: "are already lost", renewedAt: () => performance.now() - LEASE_MS * 1.1 },
  { what: "are given up", renewedAt: () => undefined },
])("renews no leases that $what", async ({ renewedAt }) => {
  const { beat, watch } = await setup();
  beat.renewedAt = renewedAt();
  watch.look();
  await sleep(200); // several round trips
  expect(beat.guardedAt).toBeUndefined();
});

it("logs once which handler blocks the main thread, and that it runs again", async () => {
  const { beat, watch, seen } = await setup();
  beat.dueAt = performance.now() - 1_500;
  watch.look();
  watch.look();
  await until(() => seen.lines.length > 0, { what: "a line" });
  beat.dueAt = performance.now() + 100;
  watch.look();
  watch.look();
  expect(seen.lines).toMatchObject([
    {
      level: "warn",
      msg: "the event loop is blocked",
      type: "email",
      running: { email: 1 },
      job_ids: ["1"],
      at: "x.js:1:1",
    },
    { level: "info", msg: "the event loop runs again", type: "email", lease_renewals: 0 },
  ]);
  expect(seen.lines[0]?.blocked_ms).toBeGreaterThanOrEqual(1_500);
  expect(seen.ended).toBe(0);
});

it("ends the process after the longest block", async () => {
  const { beat, watch, seen } = await setup();
  beat.dueAt = performance.now() - LONGEST_BLOCK_MS - 1;
  watch.look();
  expect(seen.ended).toBe(1);
  expect(seen.lines).toMatchObject([{ level: "fatal" }]);
});

it("takes a process that stood still as a whole for none that is blocked", async () => {
  const { beat, watch, seen } = await setup();
  beat.dueAt = performance.now() + 10;
  const lookAt = performance.now() + watch.look();
  while (performance.now() < lookAt + 1_200); // its own thread stands still, too
  watch.look();
  await sleep(50); // an answer would be there
  expect(seen.lines).toEqual([]);
});
