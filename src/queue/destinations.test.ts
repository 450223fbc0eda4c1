import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HostHealth } from "../core/destination.ts";
import type { RetryAfterError } from "../core/job-type.ts";
import { openQueue } from "../testing/queue.ts";
import { ownRedis } from "../testing/services.ts";
import { TcpProxy } from "../testing/tcp-proxy.ts";
import { until } from "../testing/until.ts";
import type { Queue } from "./queue.ts";

let address: string;
let redis: Redis;
let queues: Queue[];
let next: number;
let opened: number;
beforeAll(async () => {
  const { port } = await ownRedis(); // the tests change what its users may do
  address = `redis://127.0.0.1:${port}`;
  redis = new Redis(address);
});
beforeEach(async () => {
  await redis.flushall();
  opened = 0;
  const onDestinationsOpened = (count: number): void => {
    opened += count;
  };
  queues = await Promise.all([
    openQueue(address, { onDestinationsOpened }),
    openQueue(address, { onDestinationsOpened }),
  ]);
  await Promise.all(queues.map((queue) => queue.renew([], "{}"))); // they are alive
  next = 0;
});
afterEach(() => {
  queues.forEach((queue) => queue.close());
});
afterAll(() => redis.disconnect());

const HOST = "hooks.example:8443";
const KEY = `{taskflow:0}:dest:${HOST}`;
const HELD = `{taskflow:0}:held:${HOST}`;

interface Asked {
  readonly inside: ((health: HostHealth) => void)[];
  /** The waits of the rejected visits, in ms. */
  readonly waits: number[];
  readonly areTurns: boolean[];
  readonly messages: string[];
}

/** Starts this many visits at once, at the replicas in turn. */
async function ask(
  times: number,
  { host = HOST, path = "/hook", caller = "", concurrency = 100, perSecond = 0 } = {},
): Promise<Asked> {
  const asked: Asked = { inside: [], waits: [], areTurns: [], messages: [] };
  const answers = Array.from({ length: times }, async () => {
    const queue = queues[next++ % queues.length];
    try {
      const leave = await queue?.destinations.enter({ host, path, caller }, { concurrency, perSecond });
      if (leave) asked.inside.push(leave);
    } catch (error) {
      expect(error).toMatchObject({ name: "RetryAfterError", code: "destination_limited" });
      const { retryAfterMs, waitsForTurn, message } = error as RetryAfterError;
      asked.waits.push(retryAfterMs);
      asked.areTurns.push(waitsForTurn);
      asked.messages.push(message);
    }
  });
  await Promise.all(answers);
  return asked;
}

async function leaveAll({ inside }: Asked, health: HostHealth): Promise<void> {
  for (const leave of inside) leave(health);
  await Promise.resolve(); // the reports are sent at the end of this tick
  // on the same connection: Redis has the reports afterwards
  await Promise.all(queues.map((queue) => queue.jobCounts()));
}

/** A number from INFO commandstats. */
async function stat(pattern: RegExp): Promise<number> {
  return Number(pattern.exec(await redis.info("commandstats"))?.[1] ?? 0);
}

/** Lets the time for which it is open pass. */
async function passOpening(): Promise<void> {
  await redis.hset(KEY, "open_until", 1, "tail", 0);
}

async function openBreaker(): Promise<void> {
  for (let failures = 0; failures < 5; ) {
    const asked = await ask(5 - failures);
    failures += asked.inside.length;
    await leaveAll(asked, "down");
  }
}

describe("a destination", () => {
  it("admits ten visits of all replicas at first, and gives each of the others a different time to return", async () => {
    const { inside, waits } = await ask(30);
    expect([inside.length, waits.length]).toEqual([10, 20]);
    expect(new Set(waits).size).toBeGreaterThanOrEqual(10); // the waits of two replicas begin at different milliseconds
    expect([Math.min(...waits) >= 100, Math.max(...waits) < 5_000]).toEqual([true, true]);
    expect((await ask(3, { host: "other.example" })).inside).toHaveLength(3);
  });

  it("admits more with each answer, up to its limit", async () => {
    for (const expected of [10, 20, 25, 25]) {
      const asked = await ask(50, { concurrency: 25 });
      expect(asked.inside).toHaveLength(expected);
      await leaveAll(asked, "up");
    }
    expect((await ask(50, { concurrency: 3 })).inside).toHaveLength(3);
  });

  it("admits fewer after a failure, or if it asks for less", async () => {
    const first = await ask(10);
    await leaveAll({ ...first, inside: first.inside.slice(0, 1) }, "busy");
    await leaveAll({ ...first, inside: first.inside.slice(1) }, "unknown");
    const second = await ask(10);
    expect(second.inside).toHaveLength(5);
    await leaveAll({ ...second, inside: second.inside.slice(0, 1) }, "down");
    await leaveAll({ ...second, inside: second.inside.slice(1) }, "unknown");
    expect((await ask(10)).inside).toHaveLength(2);
  });

  it("that hangs spreads returning visits over an increasing time", async () => {
    await ask(10);
    await redis.hset(KEY, "duration", 5); // what it took until now
    const before = Math.max(...(await ask(20)).waits);
    await sleep(100);
    const { inside, waits } = await ask(20);
    expect(inside).toHaveLength(0);
    expect(Math.max(...waits) - before).toBeGreaterThan(100); // 10 ms apart, no longer an eighth of one
    expect(Math.max(...(await ask(2_000)).waits)).toBeLessThanOrEqual(30_000);
  });

  it("spends no deferral for a rejected visit while it is healthy, and spends one while it fails", async () => {
    expect((await ask(12, { host: "well.example" })).areTurns).toEqual([true, true]);
    await openBreaker();
    expect((await ask(2)).areTurns).toEqual([false, false]);
    await passOpening();
    const probe = await ask(2);
    expect(probe.areTurns).toEqual([false]);
    await leaveAll(probe, "up");
    expect((await ask(3)).areTurns).toEqual([true]);
  });

  it("counts a visit while it is under way, and at most a lease after its replica died", async () => {
    const own = await openQueue(address, { leaseMs: 3_000 });
    await own.renew([], "{}");
    const leave = await own.destinations.enter(
      { host: HOST, path: "/", caller: "" },
      { concurrency: 100, perSecond: 0 },
    );
    const heldUntil = async (): Promise<number> => Number((await redis.zrange(HELD, "0", "0", "WITHSCORES"))[1] ?? 0);
    const first = await heldUntil();
    await until(async () => (await heldUntil()) > first, { what: "the visit is renewed" });
    expect(await redis.pttl(HELD)).toBeLessThanOrEqual(3_000);
    own.close(); // like a crash
    await until(async () => (await redis.exists(HELD)) === 0, { what: "the visit is over" });
    leave("up");
  });

  it("renews a visit that begins after an idle time", async () => {
    const own = await openQueue(address, { leaseMs: 3_000 });
    queues.push(own);
    await own.renew([], "{}");
    const enter = () =>
      own.destinations.enter({ host: HOST, path: "/", caller: "" }, { concurrency: 100, perSecond: 0 });
    (await enter())("up");
    // a third of the lease: the renewal that this visit planned comes before the end of this timer, and finds none
    await sleep(1_000);
    const leave = await enter();
    const heldUntil = async (): Promise<number> =>
      Number((await redis.zrange(HELD, "0", "0", "WITHSCORES"))[1] ?? Number.NaN);
    const first = await heldUntil();
    let last = first;
    const isRenewed = async (): Promise<boolean> => {
      last = await heldUntil();
      return Number.isNaN(last) || last > first;
    };
    await until(isRenewed, { what: "the visit is renewed, or no longer counted" });
    expect(last).toBeGreaterThan(first);
    leave("up");
  });

  it("counts a visit again that Redis has lost, while it is under way", async () => {
    const own = await openQueue(address, { leaseMs: 3_000 });
    queues.push(own);
    const leave = await own.destinations.enter(
      { host: HOST, path: "/", caller: "" },
      { concurrency: 100, perSecond: 0 },
    );
    await redis.flushall();
    await until(async () => (await redis.zcard(HELD)) === 1, { what: "the visit is counted again" });
    leave("up");
    await until(async () => (await redis.zcard(HELD)) === 0, { what: "the visit is over" });
  });

  it("counts the end of a visit that Redis no longer counts", async () => {
    const { inside } = await ask(5);
    await redis.del(HELD);
    await leaveAll({ ...(await ask(0)), inside }, "down");
    expect(await redis.hget(KEY, "failures")).toBe("5");
    expect((await ask(1)).inside).toHaveLength(0);
  });

  it("drops the visits of a dead replica at once", async () => {
    const [dying, other] = queues as [Queue, Queue];
    queues = [dying];
    await ask(10);
    queues = [other];
    expect((await ask(1)).inside).toHaveLength(0);
    for (const key of await redis.keys("{taskflow:0}:replica:*")) await redis.del(key); // as it expires
    await other.renew([], "{}");
    expect((await ask(1)).inside).toHaveLength(1);
    queues.push(dying);
  });

  it("gets the report of an ended visit again if Redis rejected it", async () => {
    const asked = await ask(10);
    await redis.acl("SETUSER", "default", "-evalsha");
    asked.inside.forEach((leave) => leave("up"));
    await sleep(50);
    await redis.acl("SETUSER", "default", "+evalsha");
    await until(async () => (await redis.zcard(HELD)) === 0, { what: "the visits are over" });
  });

  it("gets two calls a second from a replica whose reports Redis rejects, however many they are", async () => {
    const { inside } = await ask(10);
    await redis.acl("SETUSER", "default", "-evalsha");
    for (const leave of inside) {
      leave("up");
      await sleep(2); // in a separate call
    }
    await redis.config("RESETSTAT");
    await sleep(1_600);
    const refused = await stat(/cmdstat_evalsha:.*rejected_calls=(\d+)/);
    await redis.acl("SETUSER", "default", "+evalsha");
    expect(refused).toBeGreaterThanOrEqual(2);
    expect(refused).toBeLessThanOrEqual(2 * 4); // of two replicas
  });

  it("counts the end of a visit once if it is reported again after a lost answer", async () => {
    const proxy = await TcpProxy.start(Number(new URL(address).port));
    const queue = await openQueue(proxy.before(address));
    queues.push(queue);
    const visit = () =>
      queue.destinations.enter({ host: HOST, path: "/", caller: "" }, { concurrency: 100, perSecond: 0 });
    const [first, second] = [await visit(), await visit()];
    const dropped = proxy.dropNextReply((request) => request.includes("down"));
    first("down");
    await dropped;
    second("down"); // follows the repeat of the first
    await until(async () => Number(await redis.hget(KEY, "failures")) >= 2, { what: "both are reported" });
    expect(await redis.hget(KEY, "failures")).toBe("2");
    queue.close();
    await proxy.close();
  });

  it("leaves no visit behind if Redis answered too late", async () => {
    await redis.client("PAUSE", 1_500, "ALL");
    const asked = await ask(10);
    expect(asked.inside).toHaveLength(10);
    await leaveAll(asked, "up");
    expect(await redis.zcard(HELD)).toBe(0);
    expect((await ask(10)).inside).toHaveLength(10);
  });

  it("leaves no visit behind if the answer was lost", async () => {
    const proxy = await TcpProxy.start(Number(new URL(address).port));
    const queue = await openQueue(proxy.before(address));
    queues.push(queue);
    const dropped = proxy.dropNextReply((request) => request.includes(HOST));
    const entered = queue.destinations.enter({ host: HOST, path: "/", caller: "" }, { concurrency: 100, perSecond: 0 });
    await dropped;
    const leave = await entered;
    expect(await redis.zcard(HELD)).toBe(1); // it counts while it is under way
    leave("down");
    await until(async () => (await redis.zcard(HELD)) === 0, { what: "the visit is over" });
    expect(await redis.hget(KEY, "failures")).toBe("1");
    queue.close();
    await proxy.close();
  });

  it("admits no more visits a second than its rate limit", async () => {
    const { inside, waits } = await ask(9, { perSecond: 5 });
    expect(inside).toHaveLength(5);
    expect(waits.map((ms) => Math.round(ms / 100)).sort((a, b) => a - b)).toEqual([3, 5, 7, 9]); // 200 ms apart
  });
});

describe("a destination that fails", () => {
  it("opens after five failures in a row, and no sooner", async () => {
    const one = await ask(5);
    await leaveAll({ ...one, inside: one.inside.slice(0, 4) }, "down");
    await leaveAll({ ...one, inside: one.inside.slice(4) }, "up");
    const still = await ask(1);
    expect(still.inside).toHaveLength(1);
    await leaveAll(still, "unknown");
    await openBreaker();
    const { inside, waits } = await ask(50);
    expect(inside).toHaveLength(0);
    expect(Math.min(...waits)).toBeGreaterThan(500);
    // 20 ms apart, less the time between the calls of two replicas
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(900);
    expect((await ask(1, { host: "other.example" })).inside).toHaveLength(1);
  });

  it("is probed by one attempt then; one more failure opens it for twice as long", async () => {
    await openBreaker();
    for (const openFor of [2_000, 4_000, 8_000]) {
      await passOpening();
      const probe = await ask(20);
      expect(probe.inside).toHaveLength(1);
      await leaveAll(probe, "down");
      expect((await ask(20)).inside).toHaveLength(0);
      expect(await redis.hget(KEY, "open_for")).toBe(String(openFor));
    }
  });

  it("is open for a minute at most", async () => {
    await openBreaker();
    await redis.hset(KEY, "open_for", 45_000);
    await passOpening();
    await leaveAll(await ask(1), "down");
    expect(await redis.hget(KEY, "open_for")).toBe("60000");
  });

  it("recovers step by step", async () => {
    await openBreaker();
    await passOpening();
    for (const expected of [1, 2, 4, 8, 16]) {
      const asked = await ask(50);
      expect(asked.inside).toHaveLength(expected);
      await leaveAll(asked, "up");
    }
    expect(await redis.hmget(KEY, "open_until", "open_for", "failures")).toEqual([null, null, null]);
  });

  it("does not count attempts that end while it is open", async () => {
    const slow = await ask(5);
    expect(opened).toBe(0);
    await openBreaker();
    await leaveAll(slow, "down");
    expect(await redis.hget(KEY, "open_for")).toBe("1000");
    expect(opened).toBe(1);
  });
});

it("leaves only keys that expire", async () => {
  await leaveAll(await ask(30, { perSecond: 100 }), "up");
  await openBreaker();
  await ask(5);
  const keys = (await redis.keys("*")).filter((key) => /:(dest|held):/.test(key));
  expect(keys.length).toBeGreaterThan(0);
  for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(0);
});

it("admits every visit if Redis does not answer", async () => {
  queues.forEach((queue) => queue.close());
  const asked = await ask(500);
  expect(asked.inside).toHaveLength(500);
  for (const leave of asked.inside) leave("down");
  expect((await ask(1)).inside).toHaveLength(1);
});
