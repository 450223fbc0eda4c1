import { expect, it } from "vitest";
import { at } from "../core/at.ts";
import { idAfter, idsFrom } from "../core/id.ts";
import { enqueueFlow, flowOf, jobOfNode, outcomesOf, settleMembers } from "../testing/flows.ts";
import { enqueueRaw, idsOf } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { MAX_ADDITIONS } from "./codes.ts";
import type { Enqueued, Submitted } from "./enqueuer.ts";
import type { Queue } from "./queue.ts";

const test = setUpQueues();
const OWNED_MS = 30_000;
const ns = "{taskflow:0}:";
const CLOSES_AT = 4_102_444_800_000;
const CALLBACKS = [
  { name: "on_success", after: ["jobs"] },
  { name: "on_complete", after: ["jobs"], when: "ended" },
  { name: "on_first_failure", after: ["jobs"], when: "first_failure" },
] as const;

function batchOf(queue: Queue, jobs: number, { isOpen = false, maxFailures = 0 } = {}) {
  return flowOf(queue, [{ name: "jobs", batch: jobs, maxFailures }, ...CALLBACKS], {
    kind: "batch",
    ...(isOpen && { closesAt: CLOSES_AT }),
  });
}

type Batch = ReturnType<typeof batchOf>;

function add(
  queue: Queue,
  { id, graph }: Batch,
  { count = 1, from, ...more }: Partial<Submitted> & { readonly count?: number; readonly from?: string } = {},
): Promise<Enqueued> {
  const ids = idsFrom(queue.ids.next(count), count);
  const submissions = ids.map(() => jobOfNode(id, graph, 0));
  return enqueueRaw(queue, {
    ids,
    submissions,
    flow: { kind: "add", id, ...(from !== undefined && { from }) },
    ...more,
  });
}

it("an empty batch completes at once, and its callbacks start in the same call", async () => {
  const queue = await test().replica();
  const batch = batchOf(queue, 0);
  await enqueueFlow(queue, batch);
  expect(await outcomesOf(queue, batch)).toMatchObject({
    jobs: "completed",
    on_success: "started",
    on_complete: "started",
    on_first_failure: "doomed",
  });
  const alone = flowOf(queue, [{ name: "jobs", batch: 0 }], { kind: "batch" });
  await enqueueFlow(queue, alone);
  expect((await queue.flows.read([alone.id]))[0]).toMatchObject({ status: "completed" });
  expect((await queue.flows.take()).works).toContainEqual(expect.objectContaining({ kind: "ended", flow: alone.id }));
});

it("a batch has failed above max_failures, and each callback starts once", async () => {
  const queue = await test().replica();
  const batch = batchOf(queue, 4, { maxFailures: 1 });
  await enqueueFlow(queue, batch);
  const { claimed } = await test().claim(queue);
  await settleMembers(queue, claimed.slice(0, 1), { verdict: "failed" });
  expect(await outcomesOf(queue, batch)).toMatchObject({ jobs: "started", on_first_failure: "started" });
  await settleMembers(queue, claimed.slice(1, 2), { verdict: "failed" });
  expect(await settleMembers(queue, claimed.slice(0, 2), { verdict: "failed" })).toEqual(["repeated", "repeated"]);
  await settleMembers(queue, claimed.slice(2));
  expect(await outcomesOf(queue, batch)).toEqual({
    jobs: "failed",
    on_success: "doomed",
    on_complete: "started",
    on_first_failure: "started",
  });
  const [state] = await queue.flows.read([batch.id]);
  expect(state?.nodes[0]).toMatchObject({
    counts: { total: 4, completed: 2, failed: 2, cancelled: 0 },
    cause: at(claimed, 0).id,
  });
  const callbacks = idsOf((await test().claim(queue)).claimed);
  expect(callbacks.sort()).toEqual([idAfter(batch.id, 6), idAfter(batch.id, 7)]);
});

it("retries, releases and lost leases are no ends", async () => {
  const queue = await test().replica();
  const batch = batchOf(queue, 2);
  await enqueueFlow(queue, batch);
  const { claimed } = await test().claim(queue);
  await settleMembers(queue, claimed.slice(0, 1), { verdict: "retry", runAt: 1 });
  await settleMembers(queue, claimed.slice(1), { verdict: "released", attempt: 0 });
  await test().claim(queue);
  await test().expireLeases();
  const { lost } = await test().claim(queue, {});
  expect((await queue.flows.read([batch.id]))[0]?.nodes[0]?.counts).toMatchObject({
    total: 2,
    completed: 0,
    failed: 0,
  });
  await settleMembers(queue, lost, { verdict: "failed" }); // judged: over their crash budget
  expect((await outcomesOf(queue, batch))["jobs"]).toBe("failed");
});

it("an open batch takes jobs until it is closed, and ends no earlier", async () => {
  const queue = await test().replica();
  const batch = batchOf(queue, 1, { isOpen: true });
  await enqueueFlow(queue, batch);
  await settleMembers(queue, (await test().claim(queue)).claimed);
  expect((await outcomesOf(queue, batch))["jobs"]).toBe("started");
  expect(await add(queue, batch, { count: 2 })).toEqual({ kind: "enqueued" });
  const { claimed } = await test().claim(queue);
  expect(claimed).toHaveLength(2);
  expect(await queue.flows.close(batch.id, "caller")).toBe("closed");
  expect(await queue.flows.close(batch.id, "timeout")).toBe("unchanged");
  expect(await add(queue, batch)).toEqual({ kind: "closed" });
  await settleMembers(queue, claimed);
  const [state] = await queue.flows.read([batch.id]);
  expect(state).toMatchObject({ isOpen: false, closedBy: "caller" });
  expect(state?.nodes[0]).toMatchObject({ outcome: "completed", counts: { total: 3, completed: 3 } });
  expect(state?.graph.nodes[0]?.ids).toEqual([
    { first: idAfter(batch.id, 1), count: 1 },
    { first: at(claimed, 0).id, count: 2 },
  ]);
  expect(await queue.flows.close(queue.ids.next(), "caller")).toBe("missing");
});

it("a batch without unfinished jobs ends when it is closed", async () => {
  const queue = await test().replica();
  const batch = batchOf(queue, 0, { isOpen: true });
  await enqueueFlow(queue, batch);
  expect((await queue.flows.take()).next).toBe(CLOSES_AT);
  await test().redis.zadd(`${ns}flow_work`, "XX", 1, `c${batch.id}`);
  expect((await queue.flows.take()).works).toMatchObject([{ kind: "close", flow: batch.id }]);
  await queue.flows.close(batch.id, "timeout");
  expect(await outcomesOf(queue, batch)).toMatchObject({ jobs: "completed", on_complete: "started" });
  expect((await queue.flows.read([batch.id]))[0]?.closedBy).toBe("timeout");
});

it("a running job of a closed batch may add jobs, others may not", async () => {
  const queue = await test().replica();
  const batch = batchOf(queue, 2);
  const other = batchOf(queue, 1);
  await enqueueFlow(queue, batch);
  await enqueueFlow(queue, other);
  const { claimed } = await test().claim(queue, { noop: 1 });
  const [running, waiting] = batch.jobs.map(({ id }) => id);
  expect(idsOf(claimed)).toEqual([running]);
  const from = running ?? "";
  expect(await add(queue, batch, { from })).toEqual({ kind: "enqueued" });
  expect(await add(queue, batch, { from: waiting ?? "" })).toEqual({ kind: "closed" });
  expect(await add(queue, other, { from })).toEqual({ kind: "closed" });
  expect(await add(queue, { ...batch, id: queue.ids.next() }, { from })).toEqual({ kind: "missing" });
  await settleMembers(queue, claimed);
  expect(await add(queue, batch, { from })).toEqual({ kind: "closed" });
  await settleMembers(queue, (await test().claim(queue)).claimed);
  expect((await outcomesOf(queue, batch))["jobs"]).toBe("completed");
});

it("jobs are added once: by the same ids, and by the same Idempotency-Key also after the batch was closed", async () => {
  const queue = await test().replica();
  const batch = batchOf(queue, 0, { isOpen: true });
  await enqueueFlow(queue, batch);
  const ids = [queue.ids.next()];
  const idempotency = { key: "k", fingerprint: "f", ttlMs: 60_000 };
  expect(await add(queue, batch, { ids, idempotency })).toEqual({ kind: "enqueued" });
  expect(await add(queue, batch, { ids, idempotency })).toEqual({ kind: "enqueued" });
  expect(await add(queue, batch, { idempotency })).toEqual({ kind: "replayed", firstId: ids[0] });
  await queue.flows.close(batch.id, "caller");
  expect(await add(queue, batch, { idempotency })).toEqual({ kind: "replayed", firstId: ids[0] });
  // A rejected addition does not use up its key
  const later = { key: "later", fingerprint: "f", ttlMs: 60_000 };
  const answers = await Promise.all([
    add(queue, batch, { idempotency: later }),
    enqueueRaw(queue, {
      ids: [queue.ids.next()],
      submissions: [jobOfNode(batch.id, batch.graph, 0)],
      idempotency: later,
    }),
  ]);
  expect(answers).toEqual([{ kind: "closed" }, { kind: "enqueued" }]);
  expect((await queue.flows.read([batch.id]))[0]?.nodes[0]?.counts.total).toBe(1);
});

it("a batch is full with a million jobs, or with 10,000 additions", async () => {
  const { replica, redis } = test();
  const queue = await replica();
  const batch = batchOf(queue, 0, { isOpen: true });
  await enqueueFlow(queue, batch);
  await redis.hset(`${ns}f:${batch.id}`, "t0", 999_999);
  expect(await add(queue, batch, { count: 2 })).toEqual({ kind: "full" });
  expect(await add(queue, batch)).toEqual({ kind: "enqueued" });
  await redis.hset(`${ns}f:${batch.id}`, "t0", 1);
  await redis.rpush(`${ns}fi:${batch.id}`, ...Array.from({ length: MAX_ADDITIONS - 1 }, (_, i) => `x${i} 1`));
  expect(await add(queue, batch)).toEqual({ kind: "full" });
});

it("a cancelled batch is closed, and sends on_complete after the end of its jobs", async () => {
  const queue = await test().replica();
  const batch = batchOf(queue, 2, { isOpen: true });
  await enqueueFlow(queue, batch);
  const { claimed } = await test().claim(queue, { noop: 1 });
  expect(await queue.flows.requestCancel(batch.id)).toBe("requested");
  expect(await add(queue, batch)).toEqual({ kind: "closed" });
  const { works } = await queue.flows.take();
  expect(works).toMatchObject([{ kind: "cancel", position: 0 }]);
  await queue.cancelMany(
    batch.jobs.slice(0, 2).map(({ id }) => ({ id })),
    OWNED_MS,
    () => undefined,
  );
  expect((await outcomesOf(queue, batch))["jobs"]).toBe("started");
  expect(await settleMembers(queue, claimed, { verdict: "failed" })).toEqual(["cancelRequested"]);
  await settleMembers(queue, claimed, { verdict: "cancelled" });
  expect(await outcomesOf(queue, batch)).toEqual({
    jobs: "cancelled",
    on_success: "doomed",
    on_complete: "started",
    on_first_failure: "doomed",
  });
});

it("a cancelled flow starts nothing any more, clean-up included", async () => {
  const queue = await test().replica();
  const flow = flowOf(queue, [
    { name: "a" },
    { name: "b", after: ["a"] },
    { name: "tidy", after: ["a"], when: "ended" },
  ]);
  await enqueueFlow(queue, flow);
  const { claimed } = await test().claim(queue);
  await queue.flows.requestCancel(flow.id);
  expect(await outcomesOf(queue, flow)).toEqual({ a: "started", b: "doomed", tidy: "doomed" });
  await settleMembers(queue, claimed); // it completes all the same
  const { works } = await queue.flows.take();
  const doomed = works.flatMap((work) => (work.kind === "doomed" ? [work] : []));
  expect(doomed.map(({ code, cause }) => [code, cause])).toEqual([
    ["cancelled", null],
    ["cancelled", null],
  ]);
  const ids = doomed.flatMap((work) => work.ids.map(({ first }) => ({ id: first })));
  await queue.cancelMany(ids, OWNED_MS, () => undefined);
  expect((await queue.flows.read([flow.id]))[0]).toMatchObject({ status: "cancelled", isCancelRequested: true });
  expect(await queue.flows.requestCancel(flow.id)).toBe("ended");
});

it("with on_failure stop, the first failed node dooms all others except clean-up, and stops those that run", async () => {
  const queue = await test().replica();
  const flow = flowOf(
    queue,
    [{ name: "a" }, { name: "b" }, { name: "c", after: ["b"] }, { name: "tidy", after: ["b"], when: "ended" }],
    { onFailure: "stop" },
  );
  await enqueueFlow(queue, flow);
  const { claimed } = await test().claim(queue);
  await settleMembers(queue, claimed.slice(0, 1), { verdict: "failed" });
  expect(await outcomesOf(queue, flow)).toEqual({ a: "failed", b: "started", c: "doomed", tidy: "waiting" });
  const { works } = await queue.flows.take();
  expect(works.map(({ kind }) => kind).sort()).toEqual(["doomed", "stop"]);
  expect(works.find(({ kind }) => kind === "doomed")).toMatchObject({
    code: "dependency_failed",
    cause: { id: at(flow.jobs, 0).id, node: "a" },
  });
  await settleMembers(queue, claimed.slice(1), { verdict: "cancelled" });
  expect((await outcomesOf(queue, flow))["tidy"]).toBe("started");
});
