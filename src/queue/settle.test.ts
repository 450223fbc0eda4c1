/** Settlements, and forgetting. */
import { describe, expect, it } from "vitest";
import { enqueue, idsOf, settlement, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";

const setup = setUpQueues();

describe("settle and forget", () => {
  it("moves a terminal job to the outbox and then out of Redis, and accounts for every accepted job", async () => {
    const { redis, replica, claim } = setup();
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    const { claimed } = await claim(queue);
    expect(
      await queue.settle(
        claimed.map((job) => settlement(job)),
        30_000,
      ),
    ).toEqual(["done"]);
    expect(await queue.jobCounts()).toMatchObject({
      accepted: 1,
      outbox: 1,
      unaccounted: 0,
      types: [{ completed: 1, running: 0, recorded: 0 }],
    });
    expect((await queue.read([id]))[0]).toMatchObject({ status: "completed", history: [`{"outcome":"completed"}`] });
    await queue.forget([{ id, type: "noop" }]);
    await queue.forget([{ id, type: "noop" }]);
    expect(await queue.jobCounts()).toMatchObject({ accepted: 1, outbox: 0, unaccounted: 0, types: [{ recorded: 1 }] });
    expect(await redis.keys("{taskflow:0}:j:*")).toEqual([]);
  });

  it("does not forget a job that waits again when its outcome is recorded", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    await queue.forget([{ id, type: "noop" }]);
    expect(await queue.jobCounts()).toMatchObject({ accepted: 1, unaccounted: 0, types: [{ recorded: 0, queued: 1 }] });
    expect(idsOf((await claim(queue)).claimed)).toEqual([id]);
  });

  it("answers a repeat as repeated, and a settlement of another replica's lease as stale", async () => {
    const { replica, claim } = setup();
    const [one, two] = [await replica(), await replica()];
    await enqueue(one, submission());
    const { claimed } = await claim(one);
    const [mine] = claimed.map((job) => settlement(job));
    if (!mine) throw new Error("nothing claimed");
    expect(await two.settle([mine], 30_000)).toEqual(["stale"]);
    expect(await one.settle([{ ...mine, claimSeq: 77 }], 30_000)).toEqual(["stale"]);
    expect(await one.settle([mine], 30_000)).toEqual(["done"]);
    expect(await one.settle([mine], 30_000)).toEqual(["repeated"]);
    expect(await one.jobCounts()).toMatchObject({ outbox: 1, unaccounted: 0, types: [{ completed: 1 }] });
  });

  it("sends a retry to wait, keeps its record, and counts the next attempt", async () => {
    const { redis, replica, claim } = setup();
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    const { claimed } = await claim(queue);
    const later = queue.clock.now() + 60_000;
    await queue.settle(
      claimed.map((job) => settlement(job, { verdict: "retry", runAt: later, record: `{"outcome":"retry"}` })),
      30_000,
    );
    expect((await queue.read([id]))[0]).toMatchObject({ status: "retrying", attempt: 1 });
    expect(await queue.jobCounts()).toMatchObject({ unaccounted: 0, types: [{ retrying: 1, running: 0 }] });
    await redis.zadd("{taskflow:0}:scheduled", 1, id);
    expect((await claim(queue)).claimed[0]).toMatchObject({ attempt: 2, history: [`{"outcome":"retry"}`] });
    expect(await queue.jobCounts()).toMatchObject({ unaccounted: 0, types: [{ retrying: 0, running: 1 }] });
  });

  it("returns a released job to the front, with its attempt refunded", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    const sent = await enqueue(queue, submission(), submission());
    const { claimed } = await claim(queue, { noop: 1 });
    await queue.settle(
      claimed.map((job) => settlement(job, { verdict: "released", attempt: 0, record: "" })),
      30_000,
    );
    const again = await claim(queue, { noop: 1 });
    expect(again.claimed[0]).toMatchObject({ id: sent[0], attempt: 1, history: [] });
  });

  it("enqueues a callback together with its settlement, once", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    await enqueue(queue, submission());
    const { claimed } = await claim(queue);
    const callback = { id: queue.ids.next(), submission: submission({ type: "webhook" }) };
    const all = claimed.map((job) => settlement(job, { callback }));
    expect(await queue.settle(all, 30_000)).toEqual(["done"]);
    expect(await queue.settle(all, 30_000)).toEqual(["repeated"]);
    expect(idsOf((await claim(queue, { webhook: 5 })).claimed)).toEqual([callback.id]);
    expect(await queue.jobCounts()).toMatchObject({ accepted: 2, unaccounted: 0 });
  });
});
