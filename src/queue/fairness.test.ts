import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Job } from "../core/job.ts";
import { enqueue, enqueueRaw, ioSlots, openQueue, submission } from "../testing/queue.ts";
import { freshRedis } from "../testing/services.ts";
import type { Queue } from "./queue.ts";

/** The full test: 100,000 (set FAIRNESS_JOBS). */
const JOBS = Number(process.env.FAIRNESS_JOBS ?? 10_000);
const BATCH = 1_000;

let queue: Queue;
let redis: Redis;
let seq: number;
beforeEach(async () => {
  const { address } = await freshRedis();
  queue = await openQueue(address);
  redis = new Redis(address);
  seq = 0;
});
afterEach(() => {
  queue.close();
  redis.disconnect();
});

async function flood(groupKey: string | null): Promise<void> {
  for (let sent = 0; sent < JOBS; sent += BATCH) {
    const submissions = Array.from({ length: BATCH }, () => submission({ groupKey }));
    expect((await enqueueRaw(queue, { ids: submissions.map(() => queue.ids.next()), submissions })).kind).toBe(
      "enqueued",
    );
  }
}
async function claim(count: number): Promise<readonly Job[]> {
  return (await queue.claim((seq += 1), 1, ioSlots({ noop: count }))).claimed;
}

describe("fairness", () => {
  it("claims the only job of a group next, however many jobs another group has waiting", async () => {
    await flood("big");
    const [small = ""] = await enqueue(queue, submission({ groupKey: "small" }));
    expect((await claim(2)).map(({ id }) => id)).toContain(small);
  });

  it("claims the job of a late group next, however long the others have taken turns", async () => {
    await flood("big");
    await claim(500);
    const [late = ""] = await enqueue(queue, submission({ groupKey: "late" }));
    expect((await claim(2)).map(({ id }) => id)).toContain(late); // the flood's next job has the same vtime
  });

  it("does not let a flood without a group starve a group", async () => {
    await flood(null);
    await claim(100);
    const grouped = await enqueue(queue, submission({ groupKey: "g" }), submission({ groupKey: "g" }));
    expect((await claim(4)).map(({ id }) => id)).toEqual(expect.arrayContaining(grouped));
  });

  it("takes turns among groups, within a priority", async () => {
    await enqueue(
      queue,
      ...["a", "a", "a", "b", "b", "c"].map((groupKey) => submission({ groupKey })),
      submission({ groupKey: "a", priority: 9 }),
    );
    const order = (await claim(10)).map(({ groupKey }) => groupKey);
    // The job of priority 9 comes first, then one round for each waiting job of the largest group. Within a round any
    // order is fair.
    expect([order.slice(0, 1), order.slice(1, 4).sort(), order.slice(4, 6).sort(), order.slice(6)]).toEqual([
      ["a"],
      ["a", "b", "c"],
      ["a", "b"],
      ["a"],
    ]);
  });

  it("gives a retry a new vtime, behind the waiting jobs of its group", async () => {
    const ids = await enqueue(queue, ...["a", "a", "a", "b"].map((groupKey) => submission({ groupKey })));
    const [first] = await claim(1);
    if (!first) throw new Error("nothing was claimed");
    const { id, type, priority, claimSeq } = first;
    await queue.settle(
      [
        {
          id,
          type,
          priority,
          claimSeq,
          startedAt: 0,
          verdict: "retry",
          attempt: 1,
          crashes: 0,
          deferrals: 0,
          runAt: 0,
          record: `{"outcome":"retry"}`,
        },
      ],
      30_000,
    );
    const order = (await claim(10)).map((job) => job.id);
    expect(order.filter((each) => each !== ids[3])).toEqual([ids[1], ids[2], ids[0]]);
    expect(order.indexOf(ids[3] ?? "")).toBeLessThan(2);
  });

  it("stores one vtime per priority if no job has a group, and none if no job waits", async () => {
    await flood(null);
    expect(await redis.zcard("{taskflow:0}:fair:noop:5")).toBe(1);
    while ((await claim(1_000)).length > 0);
    expect(await redis.exists("{taskflow:0}:fair:noop:5")).toBe(0);
  });
});
