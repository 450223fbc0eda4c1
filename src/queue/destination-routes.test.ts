import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HostHealth } from "../core/destination.ts";
import type { RetryAfterError } from "../core/job-type.ts";
import { openQueue } from "../testing/queue.ts";
import { ownRedis } from "../testing/services.ts";
import type { Queue } from "./queue.ts";

let address: string;
let redis: Redis;
let queue: Queue;
let opened: number;
beforeAll(async () => {
  const { port } = await ownRedis();
  address = `redis://127.0.0.1:${port}`;
  redis = new Redis(address);
});
beforeEach(async () => {
  await redis.flushall();
  opened = 0;
  queue = await openQueue(address, {
    onDestinationsOpened: (count) => {
      opened += count;
    },
  });
  await queue.renew([], "{}"); // it is alive
});
afterEach(() => queue.close());
afterAll(() => redis.disconnect());

const HOST = "hooks.example";
const KEY = `{taskflow:0}:dest:${HOST}`;

/** An admitted visit, or the error of a rejected one. */
type Answer = ((health: HostHealth) => void) | RetryAfterError;

async function visit(path: string, { caller = "", host = HOST, concurrency = 100 } = {}): Promise<Answer> {
  return queue.destinations
    .enter({ host, path, caller }, { concurrency, perSecond: 0 })
    .catch((error: unknown) => error as RetryAfterError);
}

async function visits(times: number, path: string, options: Parameters<typeof visit>[1] = {}): Promise<Answer[]> {
  return Promise.all(Array.from({ length: times }, () => visit(path, options)));
}

const isInside = (answer: Answer): boolean => typeof answer === "function";
const inside = (answers: readonly Answer[]): number => answers.filter(isInside).length;

async function leave(answers: readonly Answer[], health: HostHealth): Promise<void> {
  for (const answer of answers) if (typeof answer === "function") answer(health);
  await Promise.resolve(); // the reports are sent at the end of this tick
  await queue.jobCounts(); // on the same connection, so Redis has the reports afterwards
}

/** Makes several visits in a row, and returns how each ended. */
async function end(
  times: number,
  health: HostHealth,
  path: string,
  options: Parameters<typeof visit>[1] = {},
): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    const answer = await visit(path, options);
    expect(answer).toBeTypeOf("function");
    await leave([answer], health);
  }
}

/** Lets the time for which the host is open pass. */
async function passOpening(): Promise<void> {
  await redis.hset(KEY, "open_until", queue.clock.now() - 10);
}

describe("an error answer", () => {
  it("opens the route that returns it, and no other route of the host", async () => {
    await end(5, "failed", "/bad");
    expect(await visit("/bad")).toMatchObject({
      code: "destination_limited",
      waitsForTurn: false,
      message: "requests to this path of hooks.example fail, so it gets none for now",
    });
    expect(opened).toBe(1);
    expect(inside(await visits(10, "/good"))).toBe(10);
    expect(inside([await visit("/bad", { caller: "another" })])).toBe(1);
  });

  it("at each probe opens its route for longer", async () => {
    await end(5, "failed", "/bad");
    const [key = ""] = await redis.keys(`${KEY}|*`);
    for (const openFor of ["2000", "4000"]) {
      await redis.hset(key, "open_until", 1, "tail", 0);
      const probes = await visits(3, "/bad");
      expect(inside(probes)).toBe(1);
      await leave(probes, "failed");
      expect(await redis.hget(key, "open_for")).toBe(openFor);
    }
    await redis.hset(key, "open_until", 1, "tail", 0);
    await end(1, "up", "/bad");
    expect(inside(await visits(3, "/bad"))).toBe(2);
  });

  it("closes the host, because it shows that the host answers", async () => {
    await end(4, "down", "/bad");
    await end(1, "failed", "/worse");
    await end(4, "down", "/other");
    expect(isInside(await visit("/good"))).toBe(true);
  });

  it.each(["busy", "overloaded"] as const)(
    "%s leaves the host with five at once, and the others with room",
    async (health) => {
      for (let n = 0; n < 4; n += 1) await end(4, health, `/bad/${n}`);
      expect(await redis.hget(KEY, "window")).toBe("5");
      const busy = await Promise.all(Array.from({ length: 4 }, (_, n) => visits(2, `/bad/${n}`)));
      expect(busy.map(inside)).toEqual([1, 1, 1, 1]);
      expect(inside(await visits(5, "/good"))).toBe(1);
      expect(isInside(await visit("/good/too"))).toBe(true);
    },
  );
});

describe("a caller's own rate limit", () => {
  it("opens its route and not the host", async () => {
    await end(5, "late", "/slow");
    expect(await visit("/slow")).toMatchObject({ waitsForTurn: false });
    expect(inside(await visits(10, "/good"))).toBe(10);
    expect(await redis.hget(KEY, "failures")).toBeNull();
  });
});

describe("a route that hangs", () => {
  it("leaves room for two routes without a visit under way", async () => {
    expect(inside(await visits(20, "/slow"))).toBe(10);
    expect((await visits(3, "/good")).map(isInside)).toEqual([true, false, false]);
    expect((await Promise.all(["/1", "/2", "/3"].map((path) => visit(path)))).map(isInside)).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("never raises the visits above the limit", async () => {
    expect(inside(await visits(5, "/slow", { concurrency: 4 }))).toBe(4);
    expect(isInside(await visit("/good", { concurrency: 4 }))).toBe(false);
  });
});

describe("a host that does not answer", () => {
  it("gets no visits, which wait without a deferral while the failure is new and on another route", async () => {
    await end(5, "down", "/slow");
    expect(await visit("/slow")).toMatchObject({
      waitsForTurn: false,
      message: "hooks.example does not answer, and gets no requests for now",
    });
    expect(await visit("/good")).toMatchObject({ waitsForTurn: true, code: "destination_limited" });
    await redis.hset(KEY, "since", queue.clock.now() - 601_000);
    expect(await visit("/good")).toMatchObject({ waitsForTurn: false });
    expect(opened).toBe(1);
  });

  it("is probed by its callers in turn", async () => {
    await end(5, "down", "/slow");
    const isFirst = async (caller: string): Promise<boolean> =>
      ((await visit("/", { caller })) as RetryAfterError).retryAfterMs <= 1_100;
    expect(await Promise.all(["a", "b"].map(isFirst))).toEqual([true, true]);
    for (const [prober = "", other = ""] of [
      ["a", "b"],
      ["b", "a"],
    ]) {
      await passOpening();
      await leave([await visit("/", { caller: prober })], "down");
      expect(await redis.hget(KEY, "probed_by")).toBeTruthy();
      await visit("/", { caller: other }); // waits
      await passOpening();
      expect(isInside(await visit("/", { caller: prober }))).toBe(false);
      const probe = await visit("/", { caller: other });
      expect(isInside(probe)).toBe(true);
      await leave([probe], "down");
    }
  });

  it("lets the same caller probe again if no other waits", async () => {
    await end(5, "down", "/slow");
    for (let n = 0; n < 3; n += 1) {
      await passOpening();
      await end(1, "down", "/", { caller: "a" });
    }
  });

  it("is closed for all callers after one answer", async () => {
    await end(5, "down", "/slow");
    await passOpening();
    await end(1, "up", "/good");
    expect(inside(await visits(5, "/good"))).toBe(2);
    expect(await redis.hmget(KEY, "failures", "since", "probe_until")).toEqual([null, null, null]);
  });

  it("is probed by another caller if a probe takes long or is inconclusive", async () => {
    await end(5, "down", "/slow");
    await passOpening();
    const probe = await visit("/slow");
    expect([isInside(probe), isInside(await visit("/good"))]).toEqual([true, false]);
    await leave([probe], "unknown");
    expect(isInside(await visit("/good"))).toBe(true);
    expect(isInside(await visit("/good/too"))).toBe(false);
    await redis.hset(KEY, "probe_until", queue.clock.now() - 1);
    expect(isInside(await visit("/good/too"))).toBe(true);
  });
});

describe("the stored state", () => {
  it("is bounded for each host, however many paths a caller invents, and expires", async () => {
    const hostile = Array.from({ length: 300 }, (_, n) => `/${n}`);
    for (let first = 0; first < hostile.length; first += 10)
      await leave(await Promise.all(hostile.slice(first, first + 10).map((path) => visit(path))), "failed");
    await end(5, "down", "/slow");
    await Promise.all(hostile.map((path) => visit(path)));
    const keys = (await redis.keys("*")).filter((key) => /:(dest|held|routes|turns|reports):/.test(key));
    expect(keys.filter((key) => key.startsWith(`${KEY}|`))).toHaveLength(256);
    expect(keys.length).toBeLessThan(262);
    expect(await redis.zcard(`{taskflow:0}:turns:${HOST}`)).toBe(64);
    for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(0);
  });

  it("has a name of bounded length", async () => {
    const answer = await visit("/x".repeat(1_000), { host: `${"h".repeat(2_000)}.example`, caller: "c".repeat(256) });
    expect(isInside(answer)).toBe(true);
    expect(Math.max(...(await redis.keys("*")).map(({ length }) => length))).toBeLessThan(64);
  });

  it("is ignored if Redis's clock was ahead when it was written", async () => {
    await end(5, "down", "/slow");
    const tomorrow = queue.clock.now() + 86_400_000;
    await redis.hset(KEY, "open_until", tomorrow, "tail", tomorrow, "probe_until", tomorrow);
    expect(isInside(await visit("/slow"))).toBe(true);
  });
});
