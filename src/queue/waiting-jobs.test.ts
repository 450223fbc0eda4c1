import { expect, it } from "vitest";
import { at } from "../core/at.ts";
import { enqueueFlow, flowOf, outcomesOf } from "../testing/flows.ts";
import { idsOf, settlement } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { Audit } from "./audit.ts";
import type { Queue } from "./queue.ts";
import { inconsistencyOf } from "./snapshot.ts";

const test = setUpQueues();
const OWNED_MS = 30_000;
const ns = "{taskflow:0}:";

async function runAll(queue: Queue): Promise<void> {
  const { claimed } = await test().claim(queue);
  await queue.settle(
    claimed.map((job) => settlement(job, { flow: job.options.flow })),
    OWNED_MS,
  );
}

async function twoNodes(queue: Queue) {
  const flow = flowOf(queue, [
    { name: "first" },
    { name: "next", after: ["first"], job: { options: { tags: ["t"] } } },
  ]);
  await enqueueFlow(queue, flow);
  return { flow, first: at(flow.jobs, 0).id, next: at(flow.jobs, 1).id };
}

it("a change of a waiting job leaves it waiting, and counts when it is released", async () => {
  const queue = await test().replica();
  const { next } = await twoNodes(queue);
  const runAt = queue.clock.now() + 3_600_000;
  const size = 300_000;
  const answer = await queue.update(next, (job) => ({
    ...job,
    priority: 9,
    payload: { size, data: Buffer.alloc(size, "x") },
    options: { ...job.options, run_at: runAt, tags: ["u"] },
  }));
  expect(answer).toMatchObject({ kind: "updated", job: { status: "waiting", priority: 9 } });
  expect(await test().redis.zrange(`${ns}waiting`, "0", "-1", "WITHSCORES")).toEqual([next, String(runAt)]);
  await runAll(queue);
  expect(await queue.read([next])).toMatchObject([{ status: "scheduled", priority: 9, options: { run_at: runAt } }]);
  expect(await test().redis.zrange(`${ns}scheduled`, "0", "-1")).toEqual([next]);
  expect(await queue.run([next])).toMatchObject([{ kind: "updated" }]);
  expect(idsOf((await test().claim(queue)).claimed)).toEqual([next]);
  expect((await queue.payload(next, size))?.length).toBe(size);
});

it("a waiting job has nothing to run now", async () => {
  const queue = await test().replica();
  const { next } = await twoNodes(queue);
  expect(await queue.run([next])).toMatchObject([{ kind: "unchanged", job: { status: "waiting" } }]);
  expect(await test().redis.zcard(`${ns}waiting`)).toBe(1);
});

it("the cancellation of a waiting job decides about those after it", async () => {
  const queue = await test().replica();
  const flow = flowOf(queue, [
    { name: "first" },
    { name: "next", after: ["first"] },
    { name: "last", after: ["next"] },
    { name: "tidy", after: ["next"], when: "ended" },
  ]);
  await enqueueFlow(queue, flow);
  const id = at(flow.jobs, 1).id;
  for (const kind of ["cancelled", "finished"])
    expect(await queue.cancel(id, OWNED_MS, () => undefined)).toMatchObject({ kind });
  expect(await outcomesOf(queue, flow)).toEqual({
    first: "started",
    next: "cancelled",
    last: "doomed",
    tidy: "started",
  });
  await runAll(queue);
  expect(await queue.read([id])).toMatchObject([{ status: "cancelled" }]);
  const { types, unaccounted } = await queue.jobCounts();
  expect([types[0]?.waiting, types[0]?.cancelled, unaccounted]).toEqual([1, 1, 0]);
});

it("a waiting job is found by its status and its tags, and in the counts of its queue", async () => {
  const queue = await test().replica();
  const { next } = await twoNodes(queue);
  for (const filters of [{ status: ["waiting" as const] }, { tag: ["t"] }])
    expect((await queue.liveIds({ limit: 10, filters })).ids).toContain(next);
  expect((await queue.queueDetail("noop")).counts).toMatchObject({ waiting: 1, queued: 1, scheduled: 0 });
  expect((await queue.jobCounts()).types[0]).toMatchObject({ waiting: 1, queued: 1, accepted: 2 });
});

it("a waiting job names what it waits for", async () => {
  const queue = await test().replica();
  const flow = flowOf(queue, [
    { name: "a" },
    { name: "b", batch: 2 },
    { name: "c", after: ["a"] },
    { name: "d", after: ["b", "c"] },
  ]);
  await enqueueFlow(queue, flow);
  const [a, , , c, d] = flow.jobs.map(({ id }) => id);
  expect((await queue.position(d ?? ""))?.waitingFor).toEqual([
    { node: "b", jobId: null, isStarted: true },
    { node: "c", jobId: c, isStarted: false },
  ]);
  expect((await queue.position(c ?? ""))?.waitingFor).toEqual([{ node: "a", jobId: a, isStarted: true }]);
  expect((await queue.position(a ?? ""))?.waitingFor).toEqual([]);
  await runAll(queue);
  expect((await queue.position(d ?? ""))?.waitingFor).toEqual([{ node: "c", jobId: c, isStarted: true }]);
});

it("an audit finds a waiting job in its place, and in no other", async () => {
  const { replica, redis, address } = test();
  const queue = await replica();
  const { next } = await twoNodes(queue);
  const audit = new Audit(address, "taskflow:0");
  await audit.open(5_000);
  try {
    await audit.jobCounts();
    const [consistent] = await audit.inspect([next]);
    expect(consistent && inconsistencyOf(consistent)).toBeUndefined();
    await redis.zadd(`${ns}scheduled`, 1, next);
    const [twice] = await audit.inspect([next]);
    expect(twice && inconsistencyOf(twice)).toMatchObject({ kind: "two_places" });
    await redis.zrem(`${ns}scheduled`, next);
    await redis.zrem(`${ns}live`, next);
    const strangers: string[] = [];
    for await (const ids of audit.strangers()) strangers.push(...ids);
    expect(new Set(strangers)).toEqual(new Set([next]));
  } finally {
    audit.close();
  }
});

it("a job that waits is not forgotten by a replica that recorded it too late", async () => {
  const queue = await test().replica();
  const { next } = await twoNodes(queue);
  await queue.forget([{ id: next, type: "noop" }]);
  expect(await queue.read([next])).toMatchObject([{ status: "waiting" }]);
});
