import { Redis } from "ioredis";
import { afterEach, expect, it } from "vitest";
import { enqueue, ioSlots, openQueue, submission } from "../testing/queue.ts";
import { freshRedis } from "../testing/services.ts";
import { ReplicaLeases } from "./replica-leases.ts";
import { scripts } from "./scripts.ts";

const NS = "{taskflow:0}:";
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Two replicas that each run `each` jobs, all of whose leases are about to end. */
async function twoReplicas(each: number) {
  const { address } = await freshRedis();
  const redis = new Redis(address);
  closers.push(() => redis.disconnect());
  const claim = async (replica: string): Promise<string[]> => {
    const queue = await openQueue(address, { replica });
    closers.push(() => queue.close());
    await enqueue(queue, ...Array.from({ length: each }, () => submission()));
    const ids: string[] = [];
    for (let seq = 1; ids.length < each; seq += 1)
      ids.push(...(await queue.claim(seq, 1, ioSlots({ noop: each - ids.length }))).claimed.map(({ id }) => id));
    await queue.renew([], "about");
    return ids;
  };
  const own = await claim("ownown00");
  const foreign = await claim("foreign0");
  await redis.zadd(`${NS}leased`, ...[...own, ...foreign].flatMap((id) => [1, id]));
  const leases = new ReplicaLeases({ url: address, namespace: "taskflow:0", replica: "ownown00", leaseMs: 15_000 });
  closers.push(() => leases.close());
  await leases.opened(5_000);
  return { redis, leases, own: own.sort(), foreign: foreign.sort() };
}

it("renews each lease of its replica, and no other's", async () => {
  const { redis, leases, own, foreign } = await twoReplicas(1_500);
  const before = Date.now();
  expect(await leases.renew(5_000)).toBe(1_500);
  expect((await redis.zrangebyscore(`${NS}leased`, 1, 1)).sort()).toEqual(foreign);
  expect((await redis.zrangebyscore(`${NS}leased`, before + 14_000, "+inf")).sort()).toEqual(own);
});

it("renews only a part of all leases in one call", async () => {
  const { redis, leases } = await twoReplicas(2_500);
  await leases.renew(5_000); // loads the script
  const calls: number[] = [];
  let cursor = "0";
  do {
    const [next, renewed] = (await redis.evalsha(
      scripts.renewReplica.sha,
      1,
      NS,
      "ownown00",
      "15000",
      "15000",
      cursor,
    )) as [string, number];
    calls.push(renewed);
    cursor = next;
  } while (cursor !== "0");
  expect(calls.reduce((sum, renewed) => sum + renewed)).toBe(2_500);
  expect(Math.max(...calls)).toBeLessThan(2_000);
});

it("ignores a job that has ended or was never leased, and keeps the replica visible with its last self-description", async () => {
  const { redis, leases, own } = await twoReplicas(2);
  const [ended = ""] = own;
  await redis.zrem(`${NS}leased`, ended);
  await redis.zadd(`${NS}leased`, 1, "no-such-job");
  await redis.pexpire(`${NS}replica:ownown00`, 500);
  expect(await leases.renew(5_000)).toBe(1);
  expect(await redis.zscore(`${NS}leased`, ended)).toBeNull();
  expect(await redis.zscore(`${NS}leased`, "no-such-job")).toBe("1");
  expect(await redis.get(`${NS}replica:ownown00`)).toBe("about");
  expect(await redis.pttl(`${NS}replica:ownown00`)).toBeGreaterThan(10_000);
});
