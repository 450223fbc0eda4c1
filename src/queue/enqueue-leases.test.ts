/** Enqueues that lease their jobs at once. */
import { describe, expect, it } from "vitest";
import { OutcomeUnknown } from "../errors.ts";
import { enqueue, enqueueRaw, idsOf, settlement, submission, TestRunner } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { TcpProxy } from "../testing/tcp-proxy.ts";
import { until } from "../testing/until.ts";
import type { Queue } from "./queue.ts";

const setup = setUpQueues();

describe("an enqueue with free slots", () => {
  async function running(): Promise<{ queue: Queue; runner: TestRunner }> {
    const { replica } = setup();
    const runner = new TestRunner();
    runner.hasSlots = true;
    return { queue: await replica({ runsJobs: true, runner }), runner };
  }

  it("leases its jobs to its own replica, as a claim would", async () => {
    const { claim } = setup();
    const { queue, runner } = await running();
    const payload = `{"text":"ünïcode"}`;
    const [first = "", later = ""] = await enqueue(
      queue,
      submission({ payload, groupKey: "a|b" }),
      submission({ options: { run_at: queue.clock.now() + 60_000 } }),
      submission({ type: "other" }),
    );
    expect(runner.started.map(({ type }) => type)).toEqual(["noop", "other"]);
    expect(runner.started.slice(0, 1)).toEqual(await queue.read([first]));
    expect(runner.started[0]).toMatchObject({ payload, groupKey: "a|b", status: "running", attempt: 1 });
    expect((await queue.read([later]))[0]?.status).toBe("scheduled");
    expect((await claim(queue, { noop: 5, other: 5 })).claimed).toEqual([]);
    const answers = await queue.settle(
      runner.started.map((job) => settlement(job, { startedAt: job.startedAt ?? 0 })),
      60_000,
    );
    expect(answers).toEqual(["done", "done"]);
    expect(await queue.jobCounts()).toMatchObject({ accepted: 3, unaccounted: 0 });
    expect(runner.reserved).toBe(0);
  });

  it("starts its jobs after its answers have been handled", async () => {
    const { queue, runner } = await running();
    const startedBefore = await new Promise((resolve) => {
      queue.enqueue({ ids: [queue.ids.next()], submissions: [submission()] }, () =>
        queueMicrotask(() => resolve(runner.started.length)),
      );
    });
    expect(startedBefore).toBe(0);
    await until(() => runner.started.length === 1, { what: "the job is started" });
  });

  it("overtakes no waiting job, and runs no job of a paused queue", async () => {
    const { replica, claim } = setup();
    const { queue, runner } = await running();
    await queue.pause("other");
    const [before = ""] = await enqueue(await replica(), submission());
    const [after = "", paused = ""] = await enqueue(queue, submission(), submission({ type: "other" }));
    expect(runner.started).toEqual([]);
    expect(idsOf((await claim(queue, { noop: 5, other: 5 })).claimed)).toEqual([before, after]);
    expect((await queue.read([paused]))[0]?.status).toBe("queued");
    expect(runner.reserved).toBe(0);
  });

  it("starts no job again that it sends again, and no job of a known key", async () => {
    const { queue, runner } = await running();
    const keyed = () => ({
      ids: [queue.ids.next(), queue.ids.next()],
      submissions: [submission(), submission()],
      idempotency: { key: "k", fingerprint: "f", ttlMs: 60_000 },
    });
    const first = keyed();
    const single = { ids: [queue.ids.next()], submissions: [submission()] };
    await Promise.all([enqueueRaw(queue, first), enqueueRaw(queue, single)]);
    const last = { ids: [queue.ids.next()], submissions: [submission()] };
    const answers = await Promise.all([first, keyed(), single, last].map((submitted) => enqueueRaw(queue, submitted)));
    expect(answers.map(({ kind }) => kind)).toEqual(["enqueued", "replayed", "enqueued", "enqueued"]);
    expect(idsOf(runner.started)).toEqual([...first.ids, ...single.ids, ...last.ids]);
    expect(runner.reserved).toBe(0);
  });

  it("finds its leased jobs after a lost reply, and burns no attempt", async () => {
    const { address, replica } = setup();
    const proxy = await TcpProxy.start(Number(new URL(address).port));
    const runner = new TestRunner();
    const queue = await replica({ url: proxy.before(address), runsJobs: true, runner });
    runner.hasSlots = true;
    const dropped = proxy.dropNextReply((request) => request.includes("+noop"));
    const id = queue.ids.next();
    expect(await enqueueRaw(queue, { ids: [id], submissions: [submission()] })).toMatchObject({
      kind: "failed",
      error: expect.any(OutcomeUnknown) as OutcomeUnknown,
    });
    await dropped;
    await until(() => runner.started.length > 0, { what: "the leased job is found" });
    expect(runner.started).toEqual(await queue.read([id]));
    expect(runner.started[0]).toMatchObject({ id, attempt: 1, crashes: 0, status: "running" });
    await until(() => runner.reserved === 0, { what: "the slot is given back" });
    queue.close();
    await proxy.close();
  });
});
