import { describe, expect, it } from "vitest";
import { indexing } from "../testing/indexed-jobs.ts";
import { enqueue, enqueueRaw, settlement, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import type { Queue } from "./queue.ts";
import { scripts } from "./scripts.ts";

const setup = setUpQueues();

/** Enqueues jobs of a group, a thousand in a call. */
async function flood(queue: Queue, groupKey: string | null, jobs: number, priority = 5): Promise<string[]> {
  const all = Array.from({ length: jobs }, () => queue.ids.next());
  for (let from = 0; from < jobs; from += 1_000) {
    const ids = all.slice(from, from + 1_000);
    const submissions = ids.map(() => submission({ groupKey, priority }));
    expect((await enqueueRaw(queue, { ids, submissions })).kind).toBe("enqueued");
  }
  return all;
}

describe("the detail of a queue", () => {
  it("counts waiting jobs by priority and group, whatever their order and size, and no others", async () => {
    const { replica, claim, loseAll } = setup();
    const queue = await replica();
    const large = submission({ payload: JSON.stringify("x".repeat(40_000)), groupKey: "g|%1 \u{1f525}", priority: 9 });
    await enqueue(queue, submission({ groupKey: "g|%1 \u{1f525}", priority: 0 }), large, submission({ priority: 9 }));
    await enqueue(queue, submission({ type: "other", groupKey: "other" }));
    expect(await queue.queueDetail("noop")).toMatchObject({
      isKnown: true,
      isPartial: false,
      counts: {
        type: "noop",
        queued: 3,
        scheduled: 0,
        retrying: 0,
        running: 0,
        nextSince: expect.any(Number) as number,
      },
      byPriority: [1, 0, 0, 0, 0, 0, 0, 0, 0, 2],
      groups: [
        { groupKey: "g|%1 \u{1f525}", waiting: 2 },
        { groupKey: null, waiting: 1 },
      ],
      nextDue: [],
    });
    for (let losses = 0; losses < 2; losses += 1) {
      expect((await claim(queue)).claimed).toHaveLength(3);
      expect(await queue.queueDetail("noop")).toMatchObject({ counts: { queued: 0, running: 3 }, groups: [] });
      await loseAll(queue);
    }
    // now they are poison candidates
    expect((await queue.queueDetail("noop")).byPriority).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
  });

  it("has the 20 largest groups", async () => {
    const queue = await setup().replica();
    for (let n = 1; n <= 25; n += 1) await flood(queue, `g${n}`, n);
    const { groups, isPartial } = await queue.queueDetail("noop");
    expect(isPartial).toBe(false);
    expect(groups).toEqual(Array.from({ length: 20 }, (_, i) => ({ groupKey: `g${25 - i}`, waiting: 25 - i })));
  });

  it("estimates the groups of more than 2,000 jobs by their turns, without jobs that were taken", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    await flood(queue, "big", 3_000);
    await flood(queue, "small %", 200);
    await flood(queue, null, 500);
    await flood(queue, "small %", 50, 9);
    await claim(queue, { noop: 50 + 300 });
    const { groups, isPartial, byPriority, counts } = await queue.queueDetail("noop");
    expect([isPartial, counts.queued, byPriority[5], byPriority[9]]).toEqual([true, 3_400, 3_400, 0]);
    expect(groups.map(({ groupKey }) => groupKey)).toEqual(["big", null, "small %"]);
    const exact = [2_900, 400, 100];
    for (const [i, { waiting }] of groups.entries()) expect(Math.abs(waiting - (exact[i] ?? 0))).toBeLessThanOrEqual(1);
  });

  it("estimates no more jobs of a group than the index has", async () => {
    const queue = await indexing(setup());
    const cancelled = await flood(queue, "cancelled", 2_500);
    await flood(queue, "other", 2_100);
    for (let from = 0; from < cancelled.length; from += 200)
      await queue.cancelMany(
        cancelled.slice(from, from + 200).map((id) => ({ id })),
        60_000,
        () => undefined,
      );
    const gone = await queue.queueDetail("noop");
    expect(gone).toMatchObject({ isPartial: true, counts: { queued: 2_100 } });
    await queue.forget(cancelled.map((id) => ({ id, type: "noop", groupKey: "cancelled" })));
    expect((await queue.queueDetail("noop")).groups).toEqual([{ groupKey: "other", waiting: 2_100 }]);
  });

  it("has the next jobs that are due, scheduled and retrying, of its type only", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    const at = queue.clock.now() + 3_600_000;
    const later = (n: number, type = "noop") => submission({ type, options: { run_at: at + n } });
    await enqueue(queue, submission());
    const [job] = (await claim(queue)).claimed;
    if (!job) throw new Error("nothing was claimed");
    await queue.settle([settlement(job, { verdict: "retry", runAt: at + 1 })], 60_000);
    const ids = await enqueue(queue, later(0), later(2), later(3, "other"), later(1.5e9));
    const { nextDue, counts, isPartial } = await queue.queueDetail("noop");
    expect(nextDue).toEqual([
      { id: ids[0], runAt: at, status: "scheduled" },
      { id: job.id, runAt: at + 1, status: "retrying" },
      { id: ids[1], runAt: at + 2, status: "scheduled" },
      { id: ids[3], runAt: at + 1.5e9, status: "scheduled" },
    ]);
    expect([counts.scheduled, counts.retrying, isPartial]).toEqual([3, 1, false]);
    await enqueue(queue, ...Array.from({ length: 10 }, (_, n) => later(10 + n)));
    expect((await queue.queueDetail("noop")).nextDue).toHaveLength(10);
  });

  it("reports that jobs may be missing if more than 2,000 jobs of other types are due before", async () => {
    const queue = await setup().replica();
    const at = queue.clock.now() + 3_600_000;
    const submissions = Array.from({ length: 2_000 }, () => submission({ type: "other", options: { run_at: at } }));
    await enqueueRaw(queue, { ids: submissions.map(() => queue.ids.next()), submissions });
    expect(await queue.queueDetail("noop")).toMatchObject({ nextDue: [], isPartial: false, isKnown: false });
    await enqueue(queue, submission({ options: { run_at: at + 1 } }));
    expect(await queue.queueDetail("noop")).toMatchObject({ nextDue: [], isPartial: true, counts: { scheduled: 1 } });
    expect(await queue.queueDetail("other")).toMatchObject({ isPartial: false, counts: { scheduled: 2_000 } });
  });

  it("shows a pause and its reason, and a type without jobs as unknown", async () => {
    const queue = await setup().replica();
    await queue.pause("noop", "maintenance");
    expect(await queue.queueDetail("noop")).toMatchObject({
      isKnown: false,
      isPaused: true,
      pauseReason: "maintenance",
      counts: { queued: 0, nextSince: null },
    });
  });

  it("writes nothing", () => expect(scripts.queueDetail.source).toMatch(/^#!lua flags=no-writes,allow-oom\n/));
});
