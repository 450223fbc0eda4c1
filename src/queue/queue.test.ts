/** Enqueues and claims, and the order of jobs. */
import { describe, expect, it } from "vitest";
import { QueueUnavailable } from "../errors.ts";
import { enqueue, enqueueRaw, idsOf, ioSlots, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";

const setup = setUpQueues();

describe("enqueue and claim", () => {
  it("returns jobs by priority, and first in, first out within one", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    const sent = await enqueue(queue, ...[5, 0, 9, 5, 9].map((priority) => submission({ priority })));
    const { claimed } = await claim(queue);
    expect(idsOf(claimed)).toEqual([2, 4, 0, 3, 1].map((i) => sent[i]));
    expect(claimed[0]).toMatchObject({
      attempt: 1,
      crashes: 0,
      status: "running",
      worker: expect.any(String) as string,
    });
  });

  it("keeps the bytes of a payload", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    const payload = `{"big":12345678901234567890,"huge":1e400,"text":"ünïcode \\u0000 \\ud800","x|y":[1,{}]}`;
    await enqueue(queue, submission({ payload, groupKey: "a|b c", options: { tags: ["x\ny"], timeout_ms: 5 } }));
    const { claimed } = await claim(queue);
    expect(claimed[0]).toMatchObject({ payload, groupKey: "a|b c", options: { tags: ["x\ny"], timeout_ms: 5 } });
  });

  it("claims no more than the free slots of the type and its lane, and reports when more is left", async () => {
    const { replica } = setup();
    const queue = await replica();
    await enqueue(queue, ...Array.from({ length: 5 }, () => submission()), submission({ type: "other" }));
    const first = await queue.claim(1, 1, {
      io: 3,
      cpu: 0,
      types: [
        { type: "noop", lane: "io", slots: 2 },
        { type: "other", lane: "io", slots: 9 },
      ],
    });
    expect(first.claimed.map(({ type }) => type)).toEqual(["noop", "noop", "other"]);
    expect(first.isMoreLeft).toBe(true);
    const full = await queue.claim(2, 1, { io: 0, cpu: 0, types: [{ type: "noop", lane: "io", slots: 2 }] });
    expect(full).toMatchObject({ claimed: [], isMoreLeft: false });
  });

  it("returns the same jobs to a repeated claim number, and burns no attempt", async () => {
    const { replica } = setup();
    const queue = await replica();
    await enqueue(queue, submission(), submission());
    const first = await queue.claim(1, 1, ioSlots({ noop: 1 }));
    const again = await queue.claim(1, 1, ioSlots({ noop: 1 }));
    expect(again.claimed).toEqual(first.claimed);
    const next = await queue.claim(2, 1, ioSlots({ noop: 5 }));
    expect(next.claimed).toHaveLength(1);
    expect(next.claimed[0]?.attempt).toBe(1);
  });

  it("leases nothing to a replica that no longer waits for the reply", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    await enqueue(queue, submission());
    queue.clock.learn(Date.now() - 60_000, performance.now(), performance.now()); // as if sent a minute ago
    expect((await claim(queue, { noop: 1 })).claimed).toEqual([]);
    expect((await claim(queue, { noop: 1 })).claimed).toHaveLength(1); // the previous answer corrected the clock
  });

  it("starts a scheduled job when it is due by Redis's clock, and returns when to claim again", async () => {
    const { redis, replica, claim } = setup();
    const queue = await replica();
    const runAt = queue.clock.now() + 60_000;
    const [id = ""] = await enqueue(queue, submission({ options: { run_at: runAt } }));
    expect(await claim(queue)).toMatchObject({ claimed: [], nextDueAt: runAt });
    expect((await queue.read([id]))[0]?.status).toBe("scheduled");
    await redis.zadd("{taskflow:0}:scheduled", 1, id);
    expect(idsOf((await claim(queue)).claimed)).toEqual([id]);
  });

  it("changes nothing when the same id is enqueued again", async () => {
    const { replica } = setup();
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    expect(await enqueueRaw(queue, { ids: [id], submissions: [submission()] })).toEqual({ kind: "enqueued" });
    expect(await queue.jobCounts()).toMatchObject({ accepted: 1, unaccounted: 0 });
  });

  it("makes one job for one idempotency key, and detects another body", async () => {
    const { replica } = setup();
    const queue = await replica();
    const send = (fingerprint: string) => {
      const id = queue.ids.next();
      return enqueueRaw(queue, {
        ids: [id],
        submissions: [submission()],
        idempotency: { key: "k", fingerprint, ttlMs: 60_000 },
      });
    };
    const answers = await Promise.all(Array.from({ length: 200 }, () => send("same")));
    expect(answers.filter(({ kind }) => kind === "enqueued")).toHaveLength(1);
    const firsts = new Set(answers.flatMap((answer) => (answer.kind === "replayed" ? [answer.firstId] : [])));
    expect(firsts.size).toBe(1);
    expect(await send("other")).toMatchObject({ kind: "conflict", firstId: [...firsts][0] });
    expect((await queue.jobCounts()).accepted).toBe(1);
  });

  it("enqueues a batch as a whole", async () => {
    const { replica } = setup();
    const queue = await replica();
    const batch = Array.from({ length: 5_000 }, () => submission());
    const batchIds = batch.map(() => queue.ids.next());
    expect(await enqueueRaw(queue, { ids: batchIds, submissions: batch })).toEqual({ kind: "enqueued" });
    expect(await queue.jobCounts()).toMatchObject({ accepted: 5_000, unaccounted: 0 });
    const newest = await queue.liveIds({ limit: 10_000 });
    expect(newest).toEqual({ ids: batchIds.slice(-2_000).reverse(), isLast: false });
    const below = batchIds[2_000];
    expect(await queue.liveIds({ below, limit: 2_000 })).toEqual({
      ids: batchIds.slice(0, 2_000).reverse(),
      isLast: true,
    });
  });

  it("sends, and reads, large jobs a few at a time", async () => {
    const { replica } = setup();
    const calls: string[] = [];
    const queue = await replica({ onRoundTrip: (script) => calls.push(script) });
    const payload = `{"text":"${"x".repeat(1_500_000)}"}`;
    const ids = await enqueue(queue, ...Array.from({ length: 5 }, () => submission({ payload })), submission());
    // two, two and one, and the small one by itself
    expect(calls.filter((script) => script === "enqueue")).toHaveLength(4);
    expect((await queue.read([...ids, queue.ids.next()])).map(({ id }) => id)).toEqual(ids);
  });

  it("loads the scripts again after Redis has lost them", async () => {
    const { redis, replica, claim } = setup();
    const queue = await replica();
    await redis.script("FLUSH");
    await enqueue(queue, submission());
    expect((await claim(queue)).claimed).toHaveLength(1);
  });

  it("rejects a submission that Redis runs too late", async () => {
    const { replica } = setup();
    const queue = await replica();
    queue.clock.learn(Date.now() - 60_000, performance.now(), performance.now()); // a clock that is a minute behind
    const answer = await enqueueRaw(queue, { ids: [queue.ids.next()], submissions: [submission()] });
    expect(answer).toMatchObject({ kind: "failed", error: expect.any(QueueUnavailable) as QueueUnavailable });
    expect((await queue.jobCounts()).accepted).toBe(0);
  });

  it("sets its clock from such a rejection", async () => {
    const { replica } = setup();
    const queue = await replica();
    queue.clock.learn(Date.now() - 60_000, performance.now(), performance.now());
    let tries = 0;
    for (let kind = "failed"; kind === "failed" && tries < 100; tries += 1)
      ({ kind } = await enqueueRaw(queue, { ids: [queue.ids.next()], submissions: [submission()] }));
    expect(tries).toBeGreaterThan(1);
    expect((await queue.jobCounts()).accepted).toBe(1);
  });
});

describe("groups", () => {
  it("share a queue fairly: a group that arrives late with one job is next", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    await enqueue(queue, ...Array.from({ length: 50 }, () => submission({ groupKey: "big" })));
    await claim(queue, { noop: 10 });
    const [small = ""] = await enqueue(queue, submission({ groupKey: "small" }));
    expect(idsOf((await claim(queue, { noop: 2 })).claimed)).toContain(small);
  });

  it("alternate while both have jobs, and leave no keys behind", async () => {
    const { redis, replica, claim } = setup();
    const queue = await replica();
    await enqueue(queue, ...["a", "a", "a", "b", "b", "b"].map((groupKey) => submission({ groupKey })));
    const { claimed } = await claim(queue);
    expect(
      claimed
        .map(({ groupKey }) => groupKey)
        .slice(0, 4)
        .sort(),
    ).toEqual(["a", "a", "b", "b"]);
    expect(await redis.exists("{taskflow:0}:fair:noop:5")).toBe(0);
  });
});
