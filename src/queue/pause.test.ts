import { afterEach, describe, expect, it } from "vitest";
import { enqueue, ioSlots, openQueue, submission } from "../testing/queue.ts";
import { freshRedis, ownRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import type { Queue } from "./queue.ts";

const open: Queue[] = [];
afterEach(() => open.splice(0).forEach((queue) => queue.close()));

async function replica(address: string, options: Parameters<typeof openQueue>[1] = {}): Promise<Queue> {
  const queue = await openQueue(address, options);
  open.push(queue);
  return queue;
}

let seq = 0;
async function claimedBy(queue: Queue): Promise<string[]> {
  const { claimed } = await queue.claim((seq += 1), 1, ioSlots({ noop: 10, other: 10 }));
  return claimed.map(({ id }) => id);
}

describe("a paused queue", () => {
  it("accepts jobs and runs none, on every replica, while other types run", async () => {
    const { address } = await freshRedis();
    const [one, two] = await Promise.all([replica(address), replica(address)]);
    await one.pause("noop");
    const [waiting = "", due = "", other = ""] = await enqueue(
      two,
      submission(),
      submission({ options: { run_at: two.clock.now() - 1 } }),
      submission({ type: "other" }),
    );
    expect(await claimedBy(one)).toEqual([other]);
    expect(await claimedBy(two)).toEqual([]);
    const jobCounts = await two.jobCounts();
    expect([...jobCounts.paused]).toEqual(["noop"]);
    expect(jobCounts).toMatchObject({
      unaccounted: 0,
      types: expect.arrayContaining([expect.objectContaining({ type: "noop", queued: 2 })]) as unknown,
    });
    await two.resume("noop");
    expect(await claimedBy(one)).toEqual([waiting, due]);
  });

  it("lets retries and scheduled jobs become due, and keeps them waiting", async () => {
    const { address } = await freshRedis();
    const queue = await replica(address);
    const [scheduled = "", retried = ""] = await enqueue(
      queue,
      submission({ options: { run_at: queue.clock.now() + 50 } }),
      submission(),
    );
    const {
      claimed: [job],
    } = await queue.claim((seq += 1), 1, ioSlots({ noop: 1 }));
    await queue.pause("noop");
    if (!job) throw new Error("nothing was claimed");
    const { id, type, priority, claimSeq } = job;
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
          runAt: queue.clock.now() + 50,
          record: `{"outcome":"retry"}`,
        },
      ],
      30_000,
    );
    await until(async () => (await claimedBy(queue), (await queue.jobCounts()).types[0]?.queued === 2), {
      what: "both are due",
    });
    expect((await queue.read([scheduled, retried])).map(({ status }) => status)).toEqual(["queued", "queued"]);
    await queue.resume("noop");
    expect((await claimedBy(queue)).sort()).toEqual([scheduled, retried].sort());
  });

  it("is still paused after a restart of Redis", async () => {
    const redis = await ownRedis();
    const queue = await replica(redis.address);
    await queue.pause("noop");
    await redis.restart();
    const [id] = await until(() => enqueue(queue, submission()), { what: "Redis accepts jobs again" });
    const ids = await until(async () => ({ claimed: await claimedBy(queue) }), { what: "Redis answers claims again" });
    expect(ids.claimed).toEqual([]);
    await queue.resume("noop");
    expect(await claimedBy(queue)).toEqual([id]);
  });

  it("wakes the replicas when it is resumed", async () => {
    const { address } = await freshRedis();
    let wakes = 0;
    const [idle, other] = await Promise.all([replica(address, { onWake: () => (wakes += 1) }), replica(address)]);
    await idle.renew([], "{}");
    await other.pause("noop");
    await enqueue(other, submission());
    await claimedBy(idle);
    const before = wakes;
    await other.resume("noop");
    await until(() => wakes > before, { what: "the replica is woken" });
  });
});
