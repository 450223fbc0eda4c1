import { afterEach, beforeEach, expect, it } from "vitest";
import { Audit } from "../queue/audit.ts";
import type { Queue } from "../queue/queue.ts";
import type { TestNode } from "../testing/flows.ts";
import { enqueueFlow, flowOf } from "../testing/flows.ts";
import { ioSlots, settlement } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { flowInconsistencies } from "./flow-check.ts";

const setup = setUpQueues();
const NS = "{taskflow:0}:";

let queue: Queue;
let audit: Audit;
beforeEach(async () => {
  queue = await setup().replica();
  audit = new Audit(setup().address, "taskflow:0");
  await audit.open(5_000);
});
afterEach(() => audit.close());

async function submit(
  nodes: readonly TestNode[],
  changes: Parameters<typeof flowOf>[2] = {},
): Promise<readonly string[]> {
  const flow = flowOf(queue, nodes, changes);
  await enqueueFlow(queue, flow);
  return [flow.id, ...flow.jobs.map(({ id }) => id)];
}

const found = async (): Promise<string[]> =>
  [...(await flowInconsistencies({ audit })).values()].map(({ kind, text }) => `${kind}: ${text}`);

it("has no objection to flows that wait, run, are open, or have work for a replica", async () => {
  await submit([
    { name: "a", batch: 2 },
    { name: "b", after: ["a"] },
  ]);
  await submit([{ name: "jobs", batch: 0 }], { kind: "batch", closesAt: Date.now() + 60_000 });
  await submit([{ name: "jobs", batch: 0 }], { kind: "batch" });
  expect(await found()).toEqual([]);
  const { claimed } = await queue.claim(1, 1, ioSlots({ noop: 2 }));
  await queue.settle(
    [...claimed].map((job) => settlement(job, { flow: job.options.flow })),
    30_000,
  );
  expect(await found()).toEqual([]);
  const again = await queue.claim(2, 1, ioSlots({ noop: 2 }));
  await queue.settle(
    again.claimed.map((job) => settlement(job, { flow: job.options.flow })),
    30_000,
  );
  expect(await found()).toEqual([]);
});

it("finds a flow whose running job is gone, and one whose counts are wrong", async () => {
  const { redis } = setup();
  const [stuck = "", job = ""] = await submit([{ name: "a" }, { name: "b", after: ["a"] }]);
  await redis.del(`${NS}j:${job}`);
  await redis.zrem(`${NS}live`, job);
  await redis.zrem(`${NS}ready:noop`, job);
  const [wrong = ""] = await submit([{ name: "a", batch: 3 }]);
  await redis.hincrby(`${NS}f:${wrong}`, "c0", -1);
  await redis.hincrby(`${NS}f:${wrong}`, "o0", 1);
  expect((await found()).sort()).toEqual(
    [
      `flow_counts: flow ${stuck} has 0 unfinished jobs in node a, and counts 1`,
      `flow_counts: flow ${wrong} has 3 unfinished jobs in node a, and counts 2`,
      `flow_stuck: flow ${stuck} has not ended, and none of its jobs runs or may run`,
    ].sort(),
  );
});

it("finds a flow that has ended, or whose node can no longer run, without work for a replica", async () => {
  const { redis } = setup();
  const [ended = ""] = await submit([{ name: "jobs", batch: 0 }], { kind: "batch" });
  const [doomed = ""] = await submit([{ name: "a" }, { name: "b", after: ["a"] }]);
  const { claimed } = await queue.claim(1, 1, ioSlots({ noop: 2 }));
  const record = `{"outcome":"failed"}`;
  await queue.settle(
    claimed.map((job) => settlement(job, { flow: job.options.flow, verdict: "failed", record })),
    30_000,
  );
  expect(await found()).toEqual([]);
  await redis.del(`${NS}flow_work`);
  expect((await found()).sort()).toEqual(
    [
      `flow_stuck: flow ${doomed} has the node b, which can no longer run, and no replica cancels its jobs`,
      `flow_stuck: flow ${ended} has ended, and no replica stores its row`,
    ].sort(),
  );
});

it("finds a job that waits in a flow which Redis does not have", async () => {
  const { redis } = setup();
  const [flow = "", , waiting = ""] = await submit([{ name: "a" }, { name: "b", after: ["a"] }]);
  await redis.del(`${NS}f:${flow}`);
  await redis.zrem(`${NS}flows`, flow);
  expect([...(await flowInconsistencies({ audit })).values()]).toEqual([
    { kind: "flow_missing", id: waiting, text: `waits for other jobs of flow ${flow}, which Redis does not have` },
  ]);
});
