import { expect, it } from "vitest";
import type { RedisProcess } from "../../queue/installation.ts";
import { DoubtfulTicks } from "./doubtful-ticks.ts";

const NOW = 1_800_000_000_000;
const UP_MS = 60_000;
const SKEW_MS = 2_000;

function setup(first: RedisProcess) {
  const servers = { process: first, asked: 0 };
  const doubtful = new DoubtfulTicks({
    redisProcess: () => {
      servers.asked += 1;
      return Promise.resolve(servers.process);
    },
  });
  return { servers, doubtful, learn: (established: number, now: number) => doubtful.learn({ now, established }) };
}

it("doubts the ticks before the start of the server, and asks once for each connection", async () => {
  const { servers, doubtful, learn } = setup({ runId: "one", upMs: UP_MS });
  expect(doubtful.has(0)).toBe(false);
  for (const now of [NOW, NOW + 1, NOW + 2]) await learn(1, now);
  expect(servers.asked).toBe(1);
  const start = NOW - UP_MS + SKEW_MS;
  expect([start, start + 1].map((tick) => doubtful.has(tick))).toEqual([true, false]);
});

it("doubts the ticks before another server answers, not those before a new connection to the same one", async () => {
  const { servers, doubtful, learn } = setup({ runId: "one", upMs: UP_MS });
  await learn(1, NOW);
  await learn(2, NOW + 10_000);
  expect(doubtful.has(NOW)).toBe(false);
  servers.process = { runId: "took over", upMs: 10 * UP_MS };
  await learn(3, NOW + 20_000);
  expect([0, SKEW_MS, SKEW_MS + 1].map((ms) => doubtful.has(NOW + 20_000 + ms))).toEqual([true, true, false]);
});

it("doubts the ticks before each new connection if INFO names no process", async () => {
  const { doubtful, learn } = setup({ runId: "", upMs: Number.NaN });
  await learn(1, NOW);
  expect([NOW, NOW + SKEW_MS + 1].map((tick) => doubtful.has(tick))).toEqual([true, false]);
  await learn(2, NOW + 60_000);
  expect(doubtful.has(NOW + 60_000)).toBe(true);
});

it("asks again if the server did not answer", async () => {
  let isAway = true;
  const doubtful = new DoubtfulTicks({
    redisProcess: () =>
      isAway ? Promise.reject(new Error("Redis is away")) : Promise.resolve({ runId: "one", upMs: 0 }),
  });
  await expect(doubtful.learn({ now: NOW, established: 1 })).rejects.toThrow("away");
  isAway = false;
  await doubtful.learn({ now: NOW, established: 1 });
  expect(doubtful.has(NOW)).toBe(true);
});
