import { expect, it } from "vitest";
import type { HostHealth } from "../core/destination.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import type { Queue } from "./queue.ts";

const setup = setUpQueues();
const NS = "{taskflow:0}:";
const LIMITS = { concurrency: 100, perSecond: 0 };

async function visit(queue: Queue, host: string, health: HostHealth, path = "/hook"): Promise<void> {
  const leave = await queue.destinations.enter({ host, path, caller: "" }, LIMITS);
  leave(health);
  await Promise.resolve(); // the report is sent at the end of this tick
  await queue.jobCounts(); // on the same connection: Redis has the report afterwards
}

const failed = async (queue: Queue, host: string, path?: string): Promise<void> => {
  for (let i = 0; i < 5; i++) await visit(queue, host, "down", path);
};

it("lists the hosts used lately, the last one first, with the state of each", async () => {
  const queue = await setup().replica();
  expect(await queue.destinationList.all()).toEqual([]);
  await visit(queue, "up.example", "up");
  await setup().redis.zadd(`${NS}destinations`, (await queue.time()) - 120_000, "up.example");
  await failed(queue, "[2001:db8::1]:8080");
  const now = await queue.time();
  const [open, closed, ...others] = await queue.destinationList.all();
  expect(others).toEqual([]);
  expect(open).toMatchObject({
    host: "[2001:db8::1]:8080",
    state: "open",
    inFlight: 0,
    limit: 1,
    consecutiveFailures: 5,
    routes: 1,
  });
  expect(open?.suspendedUntil).toBeGreaterThan((open?.lastUsed ?? 0) + 900);
  expect(Math.abs(now - (open?.lastUsed ?? 0))).toBeLessThan(60_000);
  expect(closed).toMatchObject({ host: "up.example", state: "closed", consecutiveFailures: 0, suspendedUntil: null });
});

it("counts the visits under way, and lists a host that makes visits wait before any has ended", async () => {
  const queue = await setup().replica();
  await queue.renew([], "{}"); // visits of a replica that is not alive do not count
  const enter = () => queue.destinations.enter({ host: "slow.example", path: "/", caller: "" }, LIMITS);
  const results = await Promise.allSettled(Array.from({ length: 11 }, enter));
  expect(results.filter(({ status }) => status === "rejected")).toHaveLength(1);
  expect(await queue.destinationList.all()).toMatchObject([{ host: "slow.example", inFlight: 10, limit: 10 }]);
});

it("counts the visits that wait for a host until their time, and at most 10,000", async () => {
  const { redis, replica } = setup();
  const queue = await replica();
  const waiting = async () => (await queue.destinationList.all()).map((one) => one.waiting);
  await failed(queue, "down.example");
  expect(await waiting()).toEqual([0]);
  const enter = (path: string) => queue.destinations.enter({ host: "down.example", path, caller: path }, LIMITS);
  const puttingOff = (count: number) => Promise.allSettled(Array.from({ length: count }, (_, n) => enter(`/${n}`)));
  expect((await puttingOff(70)).filter(({ status }) => status === "fulfilled")).toEqual([]);
  expect(await waiting()).toEqual([70]);
  const key = `${NS}waiting:down.example`;
  const [first = "", second = ""] = await redis.zrange(key, "0", "1");
  const now = await queue.time();
  await redis.zadd(key, now - 1, first, now + 600_000, second); // it has returned · Redis's clock was set back
  expect(await waiting()).toEqual([68]);
  expect(await redis.pttl(key)).toBeGreaterThan(60_000);
  const many = Array.from({ length: 9_999 }, (_, n) => [now + 60_000, `visit ${n}`]).flat();
  await redis.zadd(key, ...many);
  await puttingOff(5);
  expect(await redis.zcard(key)).toBeLessThanOrEqual(10_068); // none was added
});

it("shows a host that may be probed as half open", async () => {
  const queue = await setup().replica();
  await failed(queue, "a.example");
  await setup().redis.hset(`${NS}dest:a.example`, "open_until", 1);
  expect(await queue.destinationList.all()).toMatchObject([{ state: "half_open", suspendedUntil: null }]);
});

it("forgets the failures of a host and of its routes with a reset, which may be repeated", async () => {
  const queue = await setup().replica();
  await failed(queue, "a.example");
  const enter = (path: string) => queue.destinations.enter({ host: "a.example", path, caller: "" }, LIMITS);
  await expect(enter("/hook")).rejects.toMatchObject({ code: "destination_limited" });
  for (let i = 0; i < 2; i++)
    expect(await queue.destinationList.reset("a.example")).toMatchObject({
      state: "closed",
      limit: 10,
      consecutiveFailures: 0,
      suspendedUntil: null,
      routes: 0,
    });
  await expect(Promise.all(Array.from({ length: 10 }, () => enter("/hook")))).resolves.toHaveLength(10);
});

it("does not reset a host that is not listed, nor a route", async () => {
  const queue = await setup().replica();
  await visit(queue, "a.example", "failed");
  const [route = ""] = await setup().redis.zrange(`${NS}routes:a.example`, "0", "-1");
  for (const host of [route, "", "b.example", "A.example", "a.example\0"])
    expect(await queue.destinationList.reset(host)).toBeUndefined();
  expect(await setup().redis.exists(`${NS}dest:${route}`)).toBe(1);
});

it("keeps the 1,000 hosts that were used last, and reads them all", async () => {
  const { redis, replica } = setup();
  const queue = await replica();
  const now = await queue.time();
  for (let n = 0; n < 1_000; n++) await redis.zadd(`${NS}destinations`, now - 1_000 + n / 2, `h${n}`);
  await visit(queue, "new.example", "up");
  const hosts = (await queue.destinationList.all()).map(({ host }) => host);
  expect(hosts).toHaveLength(1_000);
  expect(new Set(hosts).size).toBe(1_000);
  expect([hosts[0], hosts.includes("h0"), hosts.includes("h1")]).toEqual(["new.example", false, true]);
});

it("notes a host once a minute, and again after Redis's clock went back", async () => {
  const { redis, replica } = setup();
  const queue = await replica();
  await visit(queue, "a.example", "up");
  const noted = await redis.zscore(`${NS}destinations`, "a.example");
  await visit(queue, "a.example", "up");
  expect(await redis.zscore(`${NS}destinations`, "a.example")).toBe(noted);
  const ahead = String(Number(noted) + 3_600_000); // as if it was stored before the clock went back
  await redis.hset(`${NS}dest:a.example`, "noted", ahead);
  await redis.zadd(`${NS}destinations`, ahead, "a.example");
  await visit(queue, "a.example", "up");
  expect(Number(await redis.zscore(`${NS}destinations`, "a.example"))).toBeLessThan(Number(noted) + 60_000);
});
