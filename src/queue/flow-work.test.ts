import { describe, expect, it } from "vitest";
import { enqueueFlow, flowOf } from "../testing/flows.ts";
import { setUpQueues } from "../testing/queue-setup.ts";

const test = setUpQueues();
const OWNED_MS = 30_000;
const ns = "{taskflow:0}:";

describe("work for flows", () => {
  it("stays until it is done, and continues where the last replica was", async () => {
    const { replica, redis } = test();
    const queue = await replica();
    const flow = flowOf(queue, [{ name: "a" }, { name: "b" }]);
    await enqueueFlow(queue, flow);
    await queue.flows.requestCancel(flow.id);
    const [work] = (await queue.flows.take()).works;
    if (work?.kind !== "cancel") throw new Error("no work");
    await queue.flows.extend(work, 1);
    await redis.zadd(`${ns}flow_work`, 1, work.member);
    expect((await queue.flows.take()).works).toEqual([{ ...work, position: 1 }]);
    await queue.flows.done([work]);
    await queue.flows.extend(work, 2); // too late: it does not come back
    expect(await queue.flows.counts()).toEqual({ flows: 1, work: 0 });
  });

  it("is announced by the sweep", async () => {
    const queue = await test().replica();
    const closesAt = queue.clock.now() + 60_000;
    await enqueueFlow(queue, flowOf(queue, [{ name: "jobs", batch: 1 }], { kind: "batch", closesAt }));
    const dueAt: number[] = [];
    queue.flows.listen({ onWork: (at) => dueAt.push(at) });
    await queue.sweep(OWNED_MS, 10);
    expect(dueAt).toEqual([closesAt]);
    expect((await queue.flows.take()).next).toBe(closesAt);
  });

  it("is due again after Redis's clock went back", async () => {
    const { replica, redis } = test();
    const queue = await replica();
    const flow = flowOf(queue, [{ name: "a" }]);
    await enqueueFlow(queue, flow);
    await queue.flows.requestCancel(flow.id);
    const [work] = (await queue.flows.take()).works;
    await redis.zadd(`${ns}flow_work`, queue.clock.now() + 3_600_000, work?.member ?? "");
    const { now, next } = await queue.flows.take();
    expect(Number(next) - now).toBeLessThanOrEqual(2_000);
  });
});
