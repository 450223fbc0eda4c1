import { describe, expect, it } from "vitest";
import { at } from "../core/at.ts";
import { idsFrom } from "../core/id.ts";
import type { Job } from "../core/job.ts";
import { enqueueFlow, flowOf, outcomesOf, settleMembers, stateAtStart, submittedFlow } from "../testing/flows.ts";
import { enqueueRaw, idsOf, submission, TestRunner } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import type { FlowWork } from "./flows.ts";
import type { Queue } from "./queue.ts";
import type { Settlement } from "./settlement.ts";

const test = setUpQueues();
const OWNED_MS = 30_000;
const ns = "{taskflow:0}:";

/** Claims all ready jobs and settles them. */
async function runAll(queue: Queue, changes: Partial<Settlement> = {}): Promise<Job[]> {
  const { claimed } = await test().claim(queue, { noop: 1_000 });
  await settleMembers(queue, claimed, changes);
  return [...claimed];
}

/** Cancels the jobs that a piece of work names. */
async function cancelDoomed(queue: Queue, work: FlowWork): Promise<void> {
  if (work.kind !== "doomed") throw new Error(`not doomed: ${work.kind}`);
  const ids = work.ids.flatMap(({ first, count }) => idsFrom(first, count));
  const error = { code: work.code, message: "It could not run." };
  await queue.cancelMany(
    ids.map((id) => ({ id, error })),
    OWNED_MS,
    () => undefined,
  );
  await queue.flows.done([work]);
}

describe("a flow", () => {
  it("runs no job before those that it waits for, and then as it was submitted", async () => {
    const queue = await test().replica();
    const flow = flowOf(queue, [
      { name: "first" },
      { name: "low", after: ["first"], job: { priority: 1, groupKey: "g" } },
      { name: "high", after: ["first"], job: { priority: 9, payload: `{"n":2}` } },
      { name: "last", after: ["low", "high"], when: "ended" },
    ]);
    expect(await enqueueFlow(queue, flow)).toEqual({ kind: "enqueued" });
    const [first, low, high, last] = flow.jobs.map(({ id }) => id);
    expect(await test().redis.zrange(`${ns}waiting`, "0", "-1")).toEqual([low, high, last]);
    const { claimed } = await test().claim(queue);
    expect(idsOf(claimed)).toEqual([first]);
    expect(await outcomesOf(queue, flow)).toEqual({
      first: "started",
      low: "waiting",
      high: "waiting",
      last: "waiting",
    });
    await settleMembers(queue, claimed);
    const { claimed: next } = await test().claim(queue);
    expect(next.map(({ id, priority, groupKey, payload }) => [id, priority, groupKey, payload])).toEqual([
      [high, 9, null, `{"n":2}`],
      [low, 1, "g", `{"n":1}`],
    ]);
    await settleMembers(queue, next.slice(0, 1));
    expect((await test().claim(queue)).claimed).toEqual([]);
    await settleMembers(queue, next.slice(1));
    expect(idsOf(await runAll(queue))).toEqual([last]);
    const { works } = await queue.flows.take();
    expect(works.map(({ kind, flow: id }) => [kind, id])).toEqual([["ended", flow.id]]);
    expect((await queue.flows.read([flow.id]))[0]?.status).toBe("completed");
    expect((await queue.jobCounts()).unaccounted).toBe(0);
  });

  it("schedules a job for its time if that is later, and keeps a large payload", async () => {
    const queue = await test().replica();
    const runAt = queue.clock.now() + 3_600_000;
    const data = Buffer.alloc(300_000, "x");
    const flow = flowOf(queue, [
      { name: "first" },
      { name: "later", after: ["first"], job: { options: { run_at: runAt } } },
      { name: "due", after: ["first"], job: { options: { run_at: 1_700_000_000_000 } } },
      { name: "large", after: ["first"], job: { payload: { size: data.length, data } } },
    ]);
    await enqueueFlow(queue, flow);
    const [, later, due, large] = flow.jobs.map(({ id }) => id);
    await runAll(queue);
    expect(await test().redis.zrange(`${ns}scheduled`, "0", "-1", "WITHSCORES")).toEqual([later, String(runAt)]);
    expect((await queue.read([at([later], 0) ?? ""]))[0]?.status).toBe("scheduled");
    const { claimed } = await test().claim(queue);
    expect(idsOf(claimed).sort()).toEqual([due, large]);
    expect(await queue.payload(large ?? "", data.length)).toEqual(data);
    expect((await queue.jobCounts()).types[0]).toMatchObject({ waiting: 0, scheduled: 1, running: 2 });
  });

  it("dooms what can no longer run, skips what is not needed, and runs clean-up", async () => {
    const queue = await test().replica();
    const flow = flowOf(queue, [
      { name: "work" },
      { name: "next", after: ["work"] },
      { name: "after", after: ["next"] },
      { name: "repair", after: ["work"], when: "failed" },
      { name: "tidy", after: ["next"], when: "ended" },
    ]);
    await enqueueFlow(queue, flow);
    const [work, next, after, repair, tidy] = flow.jobs.map(({ id }) => id);
    await runAll(queue, { verdict: "failed" });
    expect(await outcomesOf(queue, flow)).toEqual({
      work: "failed",
      next: "doomed",
      after: "waiting",
      repair: "started",
      tidy: "waiting",
    });
    for (const id of [next, after]) {
      const { works } = await queue.flows.take();
      expect(works).toMatchObject([
        {
          kind: "doomed",
          code: "dependency_failed",
          cause: { id: work, node: "work" },
          ids: [{ first: id, count: 1 }],
        },
      ]);
      await cancelDoomed(queue, at(works, 0));
    }
    const [cancelled] = await queue.read([next ?? ""]);
    expect(cancelled?.status).toBe("cancelled");
    expect(JSON.parse(at(cancelled?.history ?? [], 0))).toMatchObject({
      outcome: "cancelled",
      error: { code: "dependency_failed" },
    });
    expect(idsOf(await runAll(queue)).sort()).toEqual([repair, tidy]);
    expect((await queue.flows.read([flow.id]))[0]?.status).toBe("failed");
  });

  it("starts a thousand nodes, and a batch of a thousand jobs, in calls of bounded work", async () => {
    const queue = await test().replica();
    const fan = Array.from({ length: 700 }, (_, i) => ({ name: `n${i}`, after: ["first"] }));
    const flow = flowOf(queue, [{ name: "first" }, { name: "batch", batch: 600, after: ["first"] }, ...fan]);
    await enqueueFlow(queue, flow);
    const dueAt: number[] = [];
    queue.flows.listen({ onWork: (at) => dueAt.push(at) });
    await runAll(queue);
    expect(dueAt).toHaveLength(1);
    const waiting = (): Promise<number> => test().redis.zcard(`${ns}waiting`);
    expect(await waiting()).toBeGreaterThan(1_000);
    // A replica that takes the work and dies delays it
    expect((await queue.flows.take()).works.map(({ kind }) => kind)).toEqual(["advance"]);
    expect((await queue.flows.take()).works).toEqual([]);
    let calls = 0;
    for (let left = await waiting(); left > 0; calls += 1) {
      await queue.flows.advance([flow.id]);
      const now = await waiting();
      expect(left - now).toBeLessThanOrEqual(200);
      left = now;
    }
    expect(calls).toBeLessThan(20);
    expect((await runAll(queue)).length).toBe(1_000);
    expect((await runAll(queue)).length).toBe(300);
    expect((await queue.flows.read([flow.id]))[0]).toMatchObject({ status: "completed" });
    expect((await queue.flows.take()).works.map(({ kind }) => kind)).toEqual(["ended"]);
  });

  it("is enqueued once, whether or not it has an Idempotency-Key", async () => {
    const queue = await test().replica();
    const idempotency = { key: "k", fingerprint: "f", ttlMs: 60_000 };
    const flow = flowOf(queue, [{ name: "first" }, { name: "next", after: ["first"] }]);
    for (const more of [{}, { idempotency }, { idempotency }])
      expect(await enqueueFlow(queue, flow, more)).toEqual({ kind: "enqueued" });
    const again = flowOf(queue, [{ name: "first" }, { name: "next", after: ["first"] }]);
    expect(await enqueueFlow(queue, again, { idempotency })).toEqual({ kind: "replayed", firstId: flow.id });
    const other = { ...idempotency, fingerprint: "g" };
    expect(await enqueueFlow(queue, again, { idempotency: other })).toEqual({ kind: "conflict", firstId: flow.id });
    expect(await queue.flows.list({ limit: 10 })).toHaveLength(1);
    expect((await queue.jobCounts()).accepted).toBe(2);
  });

  it("leaves the jobs that follow in the same call as they are", async () => {
    const queue = await test().replica();
    const flow = flowOf(queue, [{ name: "first" }, { name: "next", after: ["first"] }]);
    const id = queue.ids.next();
    await Promise.all([
      enqueueRaw(queue, submittedFlow(flow)),
      enqueueRaw(queue, { ids: [id], submissions: [submission()] }),
    ]);
    expect(idsOf((await test().claim(queue)).claimed)).toEqual([at(flow.jobs, 0).id, id]);
  });

  it("is skipped as a whole if it is repeated, and the jobs that follow in the same call are enqueued", async () => {
    const queue = await test().replica();
    const idempotency = { key: "k", fingerprint: "f", ttlMs: 60_000 };
    const nodes = [{ name: "first" }, { name: "next", after: ["first"] }];
    const [flow, again] = [flowOf(queue, nodes), flowOf(queue, nodes)];
    const ids = [queue.ids.next(), queue.ids.next()];
    await enqueueFlow(queue, flow, { idempotency });
    const answers = await Promise.all([
      enqueueRaw(queue, submittedFlow(again, { idempotency })),
      enqueueRaw(queue, { ids: ids.slice(0, 1), submissions: [submission()] }),
      enqueueRaw(queue, submittedFlow(flow)),
      enqueueRaw(queue, { ids: ids.slice(1), submissions: [submission()] }),
    ]);
    expect(answers.map(({ kind }) => kind)).toEqual(["replayed", "enqueued", "enqueued", "enqueued"]);
    expect(idsOf((await test().claim(queue)).claimed)).toEqual([at(flow.jobs, 0).id, ...ids]);
    expect((await queue.jobCounts()).accepted).toBe(4);
  });

  it("leases its first jobs to the caller at once, and none that wait", async () => {
    const runner = new TestRunner();
    const queue = await test().replica({ runsJobs: true, runner });
    runner.hasSlots = true;
    const flow = flowOf(queue, [{ name: "first" }, { name: "next", after: ["first"] }]);
    await enqueueFlow(queue, flow);
    expect(idsOf(runner.started)).toEqual([at(flow.jobs, 0).id]);
    expect(runner.reserved).toBe(0);
    await settleMembers(queue, runner.started);
    expect(idsOf((await test().claim(queue)).claimed)).toEqual([at(flow.jobs, 1).id]);
  });

  it("counts a job that was withdrawn before the flow was enqueued", async () => {
    const queue = await test().replica();
    const flow = flowOf(queue, [
      { name: "first" },
      { name: "next", after: ["first"] },
      { name: "tidy", after: ["first"], when: "ended" },
    ]);
    const { id, submission: accepted } = at(flow.jobs, 0);
    expect(await queue.cancel(id, OWNED_MS, () => undefined, accepted)).toMatchObject({ kind: "withdrawn" });
    await enqueueFlow(queue, flow);
    expect(await outcomesOf(queue, flow)).toEqual({ first: "cancelled", next: "doomed", tidy: "started" });
  });

  it("that somebody has evicted stops no job from ending", async () => {
    const queue = await test().replica();
    const flow = flowOf(queue, [{ name: "a" }, { name: "b" }, { name: "next", after: ["a"] }]);
    await enqueueFlow(queue, flow);
    await test().redis.del(`${ns}f:${flow.id}`);
    const { claimed } = await test().claim(queue);
    expect(await settleMembers(queue, claimed)).toEqual(["done", "done"]);
    const answers = await queue.cancelMany([{ id: at(flow.jobs, 2).id }], OWNED_MS, () => undefined);
    expect(answers).toMatchObject([{ kind: "cancelled" }]);
    expect(await queue.flows.read([flow.id])).toEqual([undefined]);
    expect(await queue.flows.requestCancel(flow.id)).toBe("missing");
    expect((await queue.flows.take()).works).toEqual([]);
  });

  it("continues where it was, with the results of ended nodes", async () => {
    const queue = await test().replica();
    const flow = flowOf(queue, [
      { name: "done", keeps: true },
      { name: "again", after: ["done"] },
      { name: "next", after: ["again"] },
    ]);
    const state = stateAtStart(flow);
    const [first, ...others] = state.nodes;
    if (!first) throw new Error("a flow without nodes");
    const ended = { ...first, counts: { ...first.counts, completed: 1 }, outcome: "completed" as const };
    const nodes = [ended, ...others.map((node, i) => ({ ...node, isStarted: i === 0 }))];
    const jobs = flow.jobs.slice(1);
    await enqueueRaw(queue, {
      ...submittedFlow({ ...flow, jobs }),
      flow: {
        kind: "new",
        id: flow.id,
        graph: flow.graph,
        preset: { state: { ...state, nodes }, kept: [{ node: 0, result: `{"x":1}` }] },
      },
    });
    expect((await queue.flows.results(flow.id, [0])).get(0)).toEqual({ result: `{"x":1}` });
    expect(idsOf(await runAll(queue))).toEqual([at(jobs, 0).id]);
    expect(idsOf(await runAll(queue))).toEqual([at(jobs, 1).id]);
    expect((await queue.flows.read([flow.id]))[0]).toMatchObject({ status: "completed" });
  });
});
