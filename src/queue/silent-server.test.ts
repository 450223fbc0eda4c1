import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ownRedis } from "../testing/services.ts";
import { closeWhenSilent } from "./silent-server.ts";

const closers: (() => unknown)[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});

afterEach(async () => {
  vi.useRealTimers();
  for (const close of closers.splice(0).reverse()) await close();
});

/** A client whose server is paused and resumed, and whose checks come every 100 ms. */
async function setup() {
  const own = await ownRedis();
  const redis = new Redis(own.address, { maxRetriesPerRequest: 0, enableOfflineQueue: false, lazyConnect: true });
  closers.push(() => redis.disconnect());
  const errors: string[] = [];
  redis.on("error", ({ message }: Error) => errors.push(message));
  closeWhenSilent(redis, 1_200);
  await redis.connect();
  return { own, redis, errors };
}

describe("a connection to a silent server", () => {
  it("is closed when a command has waited for so long, and opened again", async () => {
    const { own, redis, errors } = await setup();
    own.pause();
    vi.advanceTimersByTime(100);
    const { stream } = redis;
    const answer = redis.ping();
    vi.advanceTimersByTime(1_200);
    expect(stream.destroyed).toBe(false);
    vi.advanceTimersByTime(100);
    await expect(answer).rejects.toThrow();
    expect(stream.destroyed).toBe(true);
    expect(errors).toEqual(["the server has sent nothing for 1200 ms"]);
    const isReady = new Promise((resolve) => redis.once("ready", resolve));
    own.resume();
    await isReady;
    expect(await redis.ping()).toBe("PONG");
  });

  it("stays open without commands, and while answers arrive", async () => {
    const { own, redis, errors } = await setup();
    own.pause();
    vi.advanceTimersByTime(5_000);
    own.resume();
    for (let i = 0; i < 3; i += 1) {
      vi.advanceTimersByTime(1_000);
      expect(await redis.ping()).toBe("PONG");
    }
    const blocked = redis.blpop("list", 0);
    vi.advanceTimersByTime(1_200);
    expect(redis.stream.destroyed).toBe(false);
    redis.disconnect();
    await expect(blocked).rejects.toThrow();
    expect(errors).toEqual([]);
  });

  it("is no longer checked after its client has ended", async () => {
    const { redis } = await setup();
    const ended = new Promise((resolve) => redis.once("end", resolve));
    redis.disconnect();
    await ended;
    expect(vi.getTimerCount()).toBe(0);
  });
});
