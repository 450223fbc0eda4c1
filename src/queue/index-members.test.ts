/** Which members the index has, and how jobs are found that it lacks. */
import type { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { outcomeOf } from "../core/attempt-record.ts";
import { idStart, idWith, lowestIdAt } from "../core/id.ts";
import type { Submission } from "../core/job.ts";
import type { JobFilters } from "../core/job-filters.ts";
import { FAR, found, indexing, pages, settleAll, tagged } from "../testing/indexed-jobs.ts";
import { enqueue, enqueueRaw, settlement, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { forgettableOf } from "./forgetting.ts";
import type { Queue } from "./queue.ts";

const setup = setUpQueues();
const NS = "{taskflow:0}:";
const noCallback = (): undefined => undefined;

/** Records nothing, and forgets all jobs that have ended, as after their rows are stored. */
async function forgetEnded(queue: Queue): Promise<void> {
  const outcomes = (await queue.read(await queue.endedIds(1_000))).map(outcomeOf).filter((one) => one !== undefined);
  await queue.forget(outcomes.map(forgettableOf));
}

async function sizeOfIndex(redis: Redis): Promise<number> {
  return redis.zcard(`${NS}index`);
}

describe("the index", () => {
  it("has no member of a plain job, and none of any job that is forgotten", async () => {
    const { redis, claim, loseAll } = setup();
    const queue = await indexing(setup());
    const many = submission({ groupKey: "g", options: { tags: ["x", "x", "y"], retry_of: queue.ids.next() } });
    await enqueue(queue, submission());
    const { claimed } = await claim(queue);
    await queue.settle(
      claimed.map((job) => settlement(job)),
      30_000,
    );
    expect(await sizeOfIndex(redis)).toBe(0);
    await forgetEnded(queue);

    await enqueue(queue, many, many, many, submission());
    expect(await sizeOfIndex(redis)).toBe(12);
    await settleAll(setup(), queue, "retry", 1); // failed after a retry
    await settleAll(setup(), queue, "failed");
    expect(await sizeOfIndex(redis)).toBe(16);
    await enqueue(queue, many); // lost, then completed
    await claim(queue);
    await loseAll(queue);
    const again = await claim(queue);
    await queue.settle(
      again.claimed.map((job) => settlement(job, { record: `{"finished_at":1}` })),
      30_000,
    );
    const [waiting = "", scheduled = ""] = await enqueue(queue, many, {
      ...many,
      options: { tags: ["z"], run_at: FAR },
    });
    const callback = { id: queue.ids.next(), submission: submission({ type: "webhook" }) };
    await queue.cancel(waiting, 30_000, () => callback);
    await queue.cancel(scheduled, 30_000, noCallback);
    await queue.cancel(queue.ids.next(), 30_000, noCallback, many); // withdrawn
    await forgetEnded(queue);
    expect(await redis.zrange(`${NS}live`, "0", "-1")).toEqual([callback.id]);
    expect(await sizeOfIndex(redis)).toBe(0);
  });

  it("has the members of a job that was cancelled before Redis had it, until the job is forgotten", async () => {
    const { redis } = setup();
    const queue = await indexing(setup());
    const [id, plain] = [queue.ids.next(), queue.ids.next()];
    const accepted = submission({ groupKey: "g", options: { tags: ["x", "y"] } });
    await queue.cancel(id, 30_000, noCallback, accepted);
    await queue.cancel(plain, 30_000, noCallback, submission());
    for (const filters of [{ tag: ["x"] }, { tag: ["y"] }, { group_key: ["g"] }, { tag: ["x"], status: ["cancelled"] }])
      expect(await found(queue, filters as JobFilters)).toEqual([id]);
    expect(await sizeOfIndex(redis)).toBe(3);
    await forgetEnded(queue);
    expect(await sizeOfIndex(redis)).toBe(0);
  });

  it("keeps the members of a job that Redis got back after it was recorded", async () => {
    const queue = await indexing(setup());
    const [id = ""] = await enqueue(queue, tagged("x"));
    await queue.forget([{ id, type: "noop", options: { tags: ["x"] } }]);
    expect(await found(queue, { tag: ["x"] })).toEqual([id]);
  });

  it("loses the members of jobs that were forgotten without their names, in the course of sweeps", async () => {
    const { redis, claim } = setup();
    const queue = await indexing(setup());
    const gone = await enqueue(queue, ...Array.from({ length: 250 }, (_, i) => tagged(`t${i % 9}`)));
    const strange = await enqueue(queue, tagged("strange"));
    await redis.set(`${NS}j:${strange[0] ?? ""}`, "q5noop|of another version");
    const { claimed, unreadable } = await claim(queue, { noop: 1_000 });
    await queue.settle(
      [...claimed, ...unreadable].map((job) => settlement(job)),
      30_000,
    );
    await queue.forget([...gone, ...strange].map((id) => ({ id, type: "noop" })));
    const [kept = ""] = await enqueue(queue, tagged("t5"));
    for (let sweeps = 0; sweeps < 3; sweeps += 1) await queue.sweep(30_000, 10);
    expect(await redis.zrange(`${NS}index`, "0", "-1")).toEqual([`tt5\0${kept}`]);
  });
});

describe("jobs that replicas of an earlier version enqueued, without the index", () => {
  /** Enqueues jobs as a version without the index does. */
  async function enqueuePlain(queue: Queue, tags: string[], ageMs = 0): Promise<string> {
    const id = idWith(idStart(queue.clock.now() - ageMs, 0), 1, Math.floor(Math.random() * 2 ** 32));
    await enqueueRaw(queue, { ids: [id], submissions: [tagged(...tags)] });
    await setup().redis.zrem(`${NS}index`, ...tags.map((tag) => `t${tag}\0${id}`));
    return id;
  }

  /** A job that is accepted so far ahead of Redis's clock. */
  async function enqueueAhead(queue: Queue, aheadMs: number, one: Submission): Promise<string> {
    const id = idWith(idStart(queue.clock.now() + aheadMs, 0), 1, Math.floor(Math.random() * 2 ** 32));
    await enqueueRaw(queue, { ids: [id], submissions: [one] });
    return id;
  }

  it("are found while no replica maintains the index", async () => {
    const queue = await setup().replica();
    const id = await enqueuePlain(queue, ["x"]);
    expect(await found(queue, { tag: ["x"] })).toEqual([id]);
    expect(await found(queue, { error_code: ["boom"] })).toEqual([id]);
  });

  it("are found after the upgrade; of later jobs only those with the name are read", async () => {
    const queue = await setup().replica();
    const id = await enqueuePlain(queue, ["x"]);
    await queue.renew([], "{}");
    const plain = await enqueueAhead(queue, 1_000, submission());
    const later = await enqueueAhead(queue, 2_000, tagged("x"));
    expect(await found(queue, { tag: ["x"] })).toEqual([later, id]);
    expect(await pages(queue, { tag: ["x"] }, 1)).toEqual([later, id]);
    expect(await pages(queue, { tag: ["x"] }, 10, later)).toEqual([id]);
    expect(await pages(queue, { tag: ["x"] }, 10, undefined, plain)).toEqual([later]);
    expect(await pages(queue, { tag: ["x"] }, 10, id)).toEqual([]);
    expect((await queue.liveIds({ limit: 10, filters: { tag: ["x"] }, from: lowestIdAt(FAR) })).ids).toEqual([]);
  });

  it("are found while such a replica runs, and after it has ended", async () => {
    const { redis } = setup();
    const queue = await indexing(setup());
    await enqueue(queue, ...Array.from({ length: 3 }, () => submission()));
    await redis.zadd(`${NS}replicas`, String(queue.clock.now()), "earlier1");
    await queue.renew([], "{}");
    const id = await enqueuePlain(queue, ["x"], -60_000); // a while after the renewal that noticed it
    expect(await found(queue, { tag: ["x"] })).toContain(id);
    await redis.zrem(`${NS}replicas`, "earlier1");
    await queue.renew([], "{}");
    expect(await found(queue, { tag: ["x"] })).toContain(id);
    const later = await enqueueAhead(queue, 3_600_000, tagged("x"));
    const plain = await enqueueAhead(queue, 3_600_000, submission());
    const read = await found(queue, { tag: ["x"] });
    expect(read).toEqual(expect.arrayContaining([later, id]));
    expect(read).not.toContain(plain);
  });

  it("are found after a rollback that no other replica noticed", async () => {
    const { redis } = setup();
    const queue = await indexing(setup());
    await enqueue(queue, submission(), submission());
    // The replicas ended, and those of the earlier version too, longer ago than a replica stays in the set.
    await redis.hset(`${NS}indexed`, "until", "1");
    const id = await enqueuePlain(queue, ["x"]);
    expect(await found(queue, { tag: ["x"] })).toContain(id);
    await queue.renew([], "{}");
    expect(await found(queue, { tag: ["x"] })).toContain(id);
  });

  it("are found if their replica's clock was ahead", async () => {
    const queue = await setup().replica();
    const id = await enqueuePlain(queue, ["x"], -3_600_000);
    await queue.renew([], "{}");
    expect(await found(queue, { tag: ["x"] })).toEqual([id]);
  });
});
