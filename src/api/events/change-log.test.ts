import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HistoryEntry } from "../../queue/changes.ts";
import type { Queue } from "../../queue/queue.ts";
import { openQueue } from "../../testing/queue.ts";
import { ownRedis } from "../../testing/services.ts";
import { ChangeLog } from "./change-log.ts";

const HISTORY = "{taskflow:0}:history";

let redis: Redis;
let queue: Queue;
let log: ChangeLog;
beforeAll(async () => {
  const { port } = await ownRedis();
  redis = new Redis(port);
});
beforeEach(async () => {
  await redis.flushall();
  queue = await openQueue(`redis://127.0.0.1:${redis.options.port ?? 0}`);
  log = new ChangeLog(queue);
});
afterEach(() => queue.close());
afterAll(() => redis.disconnect());

/** The entries `from`-0 to (`to` - 1)-0. */
const entries = (from: number, to: number, lines = "c"): HistoryEntry[] =>
  Array.from({ length: to - from }, (_, i) => ({ name: `${from + i}-0`, lines }));

async function store(stored: readonly HistoryEntry[]): Promise<void> {
  const pipeline = redis.pipeline();
  for (const { name, lines } of stored) pipeline.xadd(HISTORY, name, "c", lines);
  await pipeline.exec();
}

/** The reads of the history in Redis since the last call. */
async function reads(): Promise<number> {
  const stats = await redis.info("commandstats");
  await redis.config("RESETSTAT");
  return ["xrange", "xrevrange"]
    .map((command) => Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0))
    .reduce((sum, calls) => sum + calls);
}

const namesFrom = (number: number): (string | undefined)[] =>
  Array.from({ length: log.end - number }, (_, i) => log.at(number + i)?.name);

it("continues with a new history, which Redis began after its clock was set back", () => {
  log.add(entries(86_400_000, 86_400_005));
  const { end } = log;
  log.add(entries(86_399_990, 86_399_991)); // read twice
  expect(log.end).toBe(end);
  log.add(entries(1_000, 1_002));
  expect(log.first).toBeGreaterThan(end); // so that followers of the old one get a gap
  expect(namesFrom(log.first)).toEqual(["1000-0", "1001-0"]);
});

describe("a client that reconnects", () => {
  it("continues after its event without a read from Redis, if the log has the event", async () => {
    log.add(entries(1_000, 1_050));
    const position = await log.positionAfter("1020-0.7");
    expect(position?.skip).toBe(8);
    expect(namesFrom(position?.number ?? 0)).toEqual(entries(1_020, 1_050).map(({ name }) => name));
    expect(await reads()).toBe(0);
  });

  it("causes one paged read for any number of simultaneous reconnects", async () => {
    await store(entries(1_000, 1_450));
    log.add(entries(1_400, 1_450));
    await reads();
    const positions = await Promise.all(Array.from({ length: 200 }, (_, i) => log.positionAfter(`${1_001 + i}-0.0`)));
    expect(positions.map((position) => namesFrom(position?.number ?? log.end).length)).toEqual(
      positions.map((_, i) => 449 - i),
    );
    expect(await reads()).toBeLessThanOrEqual(6); // the oldest entry, and 400 more in pages of 100
    await log.positionAfter("1000-0.0");
    await log.positionAfter("1100-0.0");
    expect(await reads()).toBeLessThanOrEqual(1);
  });

  it.each(["0-0.0", "0-0", "", "end", "x", "9".repeat(400), "999-0.0", "1020-1.0", "9999999999999-0.0"])(
    "with %j has a gap, without a read of the history",
    async (lastEventId) => {
      await store(entries(1_000, 1_050));
      log.add(entries(1_000, 1_050));
      await reads();
      for (let i = 0; i < 3; i += 1) {
        const positions = await Promise.all(Array.from({ length: 100 }, () => log.positionAfter(lastEventId)));
        expect(new Set(positions)).toEqual(new Set([undefined]));
      }
      expect(await reads()).toBeLessThanOrEqual(3);
      expect(namesFrom(log.first)).toEqual(entries(1_000, 1_050).map(({ name }) => name));
    },
  );

  it("gets a gap if the log cannot contain all changes since its event; the next client costs no read", async () => {
    await store(entries(10_000, 14_000));
    log.add(entries(10_050, 14_000));
    log.add(entries(14_000, 14_100));
    await reads();
    expect(await log.positionAfter("10000-0.0")).toBeUndefined();
    expect(await log.positionAfter("10050-0.0")).toBeUndefined();
    expect(await log.positionAfter("10100-0.0")).toEqual({ number: log.first, skip: 1 });
    expect(await reads()).toBe(0);
  });

  it("finds an event that another replica received a moment earlier", async () => {
    await store(entries(1_000, 1_011));
    log.add(entries(1_000, 1_010));
    const position = log.positionAfter("1010-0.0");
    log.add(entries(1_010, 1_011)); // the message, which Redis sent before it answers
    expect(await position).toEqual({ number: log.end - 1, skip: 1 });
  });

  it("gets a gap if Redis is unavailable", async () => {
    log.add(entries(1_000, 1_010));
    queue.close();
    expect(await log.positionAfter("990-0.0")).toBeUndefined();
  });
});

describe("the log", () => {
  it("is bounded in entries and in characters", async () => {
    log.add(entries(1_000, 6_000));
    expect(log.end - log.first).toBe(4_000);
    const long = "x".repeat(1024 * 1024);
    log.add(entries(6_000, 6_040, long));
    expect(namesFrom(log.first)).toEqual(entries(6_016, 6_040).map(({ name }) => name));
    await store(entries(7_000, 7_040, long));
    log.clear();
    log.add(entries(7_039, 7_040, long));
    expect(await log.positionAfter("7000-0.0")).toBeUndefined();
    expect(log.end - log.first).toBe(24);
  });

  it("resumes at its last entry, and appends each entry that arrives in the meantime once", async () => {
    log.add(entries(1_000, 1_100));
    await store(entries(1_000, 1_350));
    const { end } = log;
    const resumed = log.resume();
    log.add(entries(1_340, 1_360)); // the last ten are newer than the read
    const client = log.positionAfter("1200-0.0");
    expect(await resumed).toBe(true);
    expect(namesFrom(end)).toEqual(entries(1_100, 1_360).map(({ name }) => name));
    expect(namesFrom((await client)?.number ?? log.end)).toEqual(entries(1_200, 1_360).map(({ name }) => name));
  });

  it.each(["was trimmed", "is new"])("is cleared if the history %s, and does not reuse numbers", async (why) => {
    log.add(entries(1_000, 1_100));
    const { end } = log;
    await store(why === "is new" ? entries(1_120, 1_130) : entries(1_101, 1_130));
    const resumed = log.resume();
    log.add(entries(1_130, 1_131));
    expect(await resumed).toBe(false);
    expect(log.at(end)).toBeUndefined();
    expect(namesFrom(log.first)).toEqual(["1130-0"]);
    expect(namesFrom((await log.positionAfter("1125-0.0"))?.number ?? log.end)).toEqual([
      "1125-0",
      "1126-0",
      "1127-0",
      "1128-0",
      "1129-0",
      "1130-0",
    ]);
    expect(log.first).toBeGreaterThan(end);
  });

  it("is cleared if the connection is lost again while it resumes", async () => {
    log.add(entries(1_000, 1_100));
    await store(entries(1_000, 1_350));
    const first = log.resume();
    expect(await log.resume()).toBe(false);
    log.add(entries(1_350, 1_351));
    expect(await first).toBe(false);
    expect(namesFrom(log.first)).toEqual(["1350-0"]);
  });
});
