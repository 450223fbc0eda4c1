/** Cancellations, and the sweep of overdue outcomes. */
import { describe, expect, it } from "vitest";
import type { Job } from "../core/job.ts";
import { enqueue, idsOf, settlement, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { until } from "../testing/until.ts";

const setup = setUpQueues();
const noCallback = (): undefined => undefined;

describe("cancel and sweep", () => {
  it("cancels a waiting job at once: queued, scheduled or retrying", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    const sent = await enqueue(queue, submission(), submission({ options: { run_at: queue.clock.now() + 60_000 } }));
    for (const id of sent) {
      const answer = await queue.cancel(id, 30_000, noCallback);
      expect(answer).toMatchObject({ kind: "cancelled", job: { status: "cancelled" } });
    }
    expect(await queue.cancel(sent[0] ?? "", 30_000, noCallback)).toMatchObject({ kind: "finished" });
    expect(await queue.cancel(queue.ids.next(), 30_000, noCallback)).toEqual({ kind: "missing" });
    expect((await claim(queue)).claimed).toEqual([]);
    expect(await queue.jobCounts()).toMatchObject({
      outbox: 2,
      unaccounted: 0,
      types: [{ cancelled: 2, scheduled: 0 }],
    });
  });

  it("enqueues the callback of a job that it cancels, once, and no other", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    const [running = "", waiting = ""] = await enqueue(queue, submission(), submission());
    await claim(queue, { noop: 1 });
    const callback = { id: queue.ids.next(), submission: submission({ type: "webhook" }) };
    for (const id of [running, waiting, waiting]) await queue.cancel(id, 30_000, () => callback);
    expect(idsOf((await claim(queue, { webhook: 5 })).claimed)).toEqual([callback.id]);
    expect(await queue.jobCounts()).toMatchObject({ accepted: 3, unaccounted: 0 });
  });

  it("makes the callback of the job as it ends, even if it ran again after it was read", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    const meanwhile: Promise<unknown>[] = [];
    const attempts: number[] = [];
    const answer = await queue.cancel(id, 30_000, ({ job, attempt }) => {
      attempts.push(attempt);
      if (attempts.length > 1) return undefined;
      const ran = { ...job, claimSeq: 1, attempt: 1, crashes: 0, deferrals: 0 };
      // sent before the cancellation
      meanwhile.push(claim(queue), queue.settle([settlement(ran as Job, { verdict: "retry" })], 30_000));
      return { id: queue.ids.next(), submission: submission({ type: "webhook" }) };
    });
    await Promise.all(meanwhile);
    expect(attempts).toEqual([0, 1]);
    expect(answer).toMatchObject({ kind: "cancelled", job: { status: "cancelled", attempt: 1 } });
    expect(await queue.jobCounts()).toMatchObject({ accepted: 1, outbox: 1, unaccounted: 0 });
  });

  it("notifies the replica that runs the job, and lets only a completion override it", async () => {
    const { replica, claim } = setup();
    const cancelled: string[] = [];
    const [one, two] = [await replica({ onCancel: (id) => cancelled.push(id) }), await replica()];
    const sent = await enqueue(one, submission(), submission());
    const { claimed } = await claim(one);
    for (const id of sent) await two.cancel(id, 30_000, noCallback);
    await until(() => cancelled.length === 2, { what: "the replica is notified" });
    expect(
      await one.settle(
        claimed.map((job, i) => settlement(job, { verdict: i === 0 ? "completed" : "retry" })),
        30_000,
      ),
    ).toEqual(["done", "cancelRequested"]);
    expect(
      await one.settle(
        claimed.slice(1).map((job) => settlement(job, { verdict: "cancelled" })),
        30_000,
      ),
    ).toEqual(["done"]);
    expect(await one.jobCounts()).toMatchObject({ unaccounted: 0, types: [{ completed: 1, cancelled: 1 }] });
  });

  it("takes over overdue outcomes, and no others", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    await enqueue(queue, submission(), submission());
    const { claimed } = await claim(queue);
    await queue.settle([settlement(claimed[0] as Job)], 30_000);
    await queue.settle([settlement(claimed[1] as Job)], -1);
    expect(idsOf(await queue.sweep(30_000, 10))).toEqual([claimed[1]?.id]);
    expect(await queue.sweep(30_000, 10)).toEqual([]);
  });
});
