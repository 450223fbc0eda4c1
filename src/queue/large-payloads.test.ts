import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Job } from "../core/job.ts";
import { isLarge, LARGE_PAYLOAD_LENGTH, payloadOf } from "../core/payload.ts";
import { enqueue, enqueueRaw, ioSlots, openQueue, submission } from "../testing/queue.ts";
import { ownRedis } from "../testing/services.ts";
import type { Queue } from "./queue.ts";

const NS = "{taskflow:0}:";
const MIB = 1024 * 1024;
const SLOTS = ioSlots({ noop: 10 });

let redis: Redis;
let queue: Queue;

beforeAll(async () => {
  const { address } = await ownRedis();
  redis = new Redis(address);
  queue = await openQueue(address);
});

beforeEach(async () => {
  await redis.flushall();
});

afterAll(() => {
  queue.close();
  redis.disconnect();
});

/** The JSON of a payload of this many incompressible bytes. */
const textOf = (bytes: number): string => JSON.stringify({ text: randomBytes(bytes / 2).toString("hex") });

const large = (text: string) => submission({ payload: payloadOf(text), options: {} });

const settled = (
  { id, type, priority, claimSeq, startedAt, payload }: Job,
  verdict: "completed" | "retry" | "released",
) => ({
  id,
  type,
  priority,
  claimSeq,
  startedAt: startedAt ?? 0,
  isLarge: isLarge(payload),
  attempt: 1,
  crashes: 0,
  deferrals: 0,
  verdict,
  runAt: 1,
  record: verdict === "released" ? "" : `{"outcome":"completed"}`,
});

/** The duration of the slowest script during `work`, measured by Redis, in microseconds. */
async function slowestScript(work: () => Promise<unknown>): Promise<number> {
  await redis.config("SET", "slowlog-log-slower-than", "0");
  await redis.config("SET", "slowlog-max-len", "1000");
  await redis.slowlog("RESET");
  await work();
  const entries = (await redis.slowlog("GET", 1_000)) as [number, number, number, string[]][];
  await redis.config("SET", "slowlog-log-slower-than", "-1");
  return Math.max(
    0,
    ...entries.filter(([, , , [name = ""]]) => name.toLowerCase() === "evalsha").map(([, , micros]) => micros),
  );
}

describe("a large payload", () => {
  it("is returned unchanged, and deleted with its job", async () => {
    const text = JSON.stringify({ text: `ä🎉\u2028${"x".repeat(LARGE_PAYLOAD_LENGTH)}` });
    const [id = ""] = await enqueue(queue, large(text));
    const [job] = await queue.read([id]);
    expect(job?.payload).toEqual({ size: Buffer.byteLength(text) });
    expect((await queue.payload(id, 0))?.toString()).toBe(text);
    expect(await redis.pttl(`${NS}p:${id}`)).toBe(-1); // as long as the job
    const { claimed } = await queue.claim(1, 1, SLOTS);
    expect(claimed).toMatchObject([{ id, payload: { size: Buffer.byteLength(text) } }]);
    await queue.settle(
      claimed.map((one) => settled(one, "completed")),
      30_000,
    );
    await queue.forget(claimed);
    expect(await redis.keys(`${NS}?:*`)).toEqual([]);
    expect(await queue.payload(id, 0)).toBeUndefined();
  });

  it("slows no script, however large it is", async () => {
    const slowest: number[] = [];
    for (let round = 1; round <= 3; round += 1) {
      slowest.push(
        await slowestScript(async () => {
          const [id = "", other = ""] = await enqueue(queue, large(textOf(15 * MIB)), large(textOf(15 * MIB)));
          await queue.position(id);
          await queue.readHeaders([id, other]);
          const { claimed } = await queue.claim(2 * round, 1, SLOTS);
          await queue.settle(
            claimed.map((one) => settled(one, "released")),
            30_000,
          );
          await queue.jobCounts();
          await queue.cancel(other, 30_000, () => undefined);
          const again = await queue.claim(2 * round + 1, 1, SLOTS);
          await queue.settle(
            again.claimed.map((one) => settled(one, "completed")),
            0,
          );
          await queue.sweep(30_000, 10);
        }),
      );
    }
    expect(Math.min(...slowest)).toBeLessThan(20_000); // about 300 ms each if scripts copied it
  });

  it("is large for every way to submit it", async () => {
    const [id = ""] = await enqueue(queue, submission({ payload: textOf(100_000) }));
    expect(await redis.strlen(`${NS}p:${id}`)).toBeGreaterThan(100_000);
    expect(await redis.strlen(`${NS}j:${id}`)).toBeLessThan(100);
  });

  it("waits for room in the order of large payloads, while small jobs pass it", async () => {
    const [first = "", second = "", small = ""] = await enqueue(
      queue,
      large(textOf(MIB)),
      large(textOf(100_000)),
      submission(),
    );
    const claim = async (seq: number, bytes: { free: number; isUnused: boolean }) =>
      (await queue.claim(seq, 1, { ...SLOTS, bytes })).claimed.map(({ id }) => id);
    expect(await claim(1, { free: 200_000, isUnused: false })).toEqual([small]);
    expect(await claim(2, { free: 200_000, isUnused: true })).toEqual([first]); // more than there is room for, but alone
    expect(await claim(3, { free: 0, isUnused: false })).toEqual([]);
    expect(await claim(4, { free: 200_000, isUnused: false })).toEqual([second]);
  });

  it("that Redis rejected prevents the enqueue", async () => {
    const ids = [queue.ids.next(), queue.ids.next()];
    await redis.call("ACL", "SETUSER", "default", "-set");
    try {
      const answer = await enqueueRaw(queue, { ids, submissions: [submission(), large(textOf(MIB))] });
      expect(answer).toMatchObject({ kind: "failed", error: { code: "queue_unavailable" } });
    } finally {
      await redis.call("ACL", "SETUSER", "default", "+set");
    }
    expect(await queue.read(ids)).toEqual([]);
    expect(await redis.keys(`${NS}*`)).toEqual([]);
  });

  it("of a repeated submission is deleted at once, and the first one stays", async () => {
    const idempotency = { key: "k", fingerprint: "f", ttlMs: 60_000 };
    const [one, two] = [queue.ids.next(), queue.ids.next()];
    const text = textOf(MIB);
    await enqueueRaw(queue, { ids: [one], submissions: [large(text)], idempotency });
    expect(await enqueueRaw(queue, { ids: [two], submissions: [large(text)], idempotency })).toEqual({
      kind: "replayed",
      firstId: one,
    });
    expect(
      await enqueueRaw(queue, {
        ids: [two],
        submissions: [large(text)],
        idempotency: { ...idempotency, fingerprint: "g" },
      }),
    ).toEqual({ kind: "conflict", firstId: one });
    expect(await redis.keys(`${NS}p:*`)).toEqual([`${NS}p:${one}`]);
    // the same id again, as after a lost answer
    await enqueueRaw(queue, { ids: [one], submissions: [large(textOf(MIB))] });
    expect(await redis.pttl(`${NS}p:${one}`)).toBe(-1);
    expect((await queue.payload(one, 0))?.toString()).toBe(text);
  });
});

describe("a claim", () => {
  it("drops the state of passed groups a thousand at a time", async () => {
    const groups = Array.from({ length: 5_000 }, (_, n) => submission({ groupKey: `g${n}` }));
    await enqueueRaw(queue, { ids: groups.map(() => queue.ids.next()), submissions: groups });
    expect((await queue.claim(1, 1, ioSlots({ noop: 1 }))).claimed).toHaveLength(1);
    expect(await redis.zcard(`${NS}fair:noop:5`)).toBe(4_000); // all of them have the same vtime
  });

  it("sets aside, one by one, jobs that this version cannot read", async () => {
    const [first = "", strange = "", last = ""] = await enqueue(queue, submission(), submission(), submission());
    await redis.set(`${NS}j:${strange}`, `q5noop|3|%|{"run_at":}\n{}`);
    const { claimed, unreadable } = await queue.claim(1, 1, SLOTS);
    expect(claimed.map(({ id }) => id)).toEqual([first, last]);
    expect(unreadable).toMatchObject([{ id: strange, type: "noop", attempt: 1, claimSeq: 1 }]);
    expect((await queue.read([first, strange, last])).map(({ status }) => status)).toEqual([
      "running",
      "running",
      "running",
    ]);
    expect(
      await queue.settle(
        unreadable.map((one) => settled(one, "completed")),
        30_000,
      ),
    ).toEqual(["done"]);
    expect(await queue.jobCounts()).toMatchObject({ unaccounted: 0 });
  });

  it("skips a scheduled job that it cannot read, and leaves it scheduled", async () => {
    const soon = { options: { run_at: Date.now() + 3_600_000 } };
    const [strange = "", plain = ""] = await enqueue(queue, submission(soon), submission(soon));
    await redis.set(`${NS}j:${strange}`, "s5noop;another layout");
    for (const id of [strange, plain]) await redis.zadd(`${NS}scheduled`, 1, id);
    const { claimed, nextDueAt } = await queue.claim(1, 1, SLOTS);
    expect(claimed.map(({ id }) => id)).toEqual([plain]);
    expect(nextDueAt).toBeGreaterThan(Date.now());
    expect(await redis.zscore(`${NS}scheduled`, strange)).not.toBeNull();
    expect(await queue.jobCounts()).toMatchObject({ unaccounted: 0 });
  });

  it("numbers its lease beyond ten decimal digits", async () => {
    const [id = ""] = await enqueue(queue, submission());
    const { claimed } = await queue.claim(10_000_000_000, 1, SLOTS);
    expect(
      await queue.settle(
        claimed.map((one) => settled(one, "completed")),
        30_000,
      ),
    ).toEqual(["done"]);
    expect(await queue.read([id])).toMatchObject([{ payload: `{"n":1}`, claimSeq: 10_000_000_000 }]);
    await expect(queue.claim(36 ** 10, 1, SLOTS)).rejects.toThrow(RangeError);
  });
});
