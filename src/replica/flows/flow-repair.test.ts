/** Flows that nobody would end: a repair on a real Redis and Postgres. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { at } from "../../core/at.ts";
import type { NewFlow } from "../../core/flows/flow.ts";
import { idAfter } from "../../core/id.ts";
import type { Job } from "../../core/job.ts";
import { redisCommand } from "../../embedded/redis-command.ts";
import type { TestNode } from "../../testing/flows.ts";
import { enqueueFlow, flowOf, outcomesOf } from "../../testing/flows.ts";
import { NAMESPACE, setUpLostFlows } from "../../testing/lost-flows.ts";
import { ioSlots, settlement } from "../../testing/queue.ts";
import { until } from "../../testing/until.ts";
import { EndedFlows } from "./ended-flows.ts";
import { FlowRepair } from "./flow-repair.ts";
import { FlowKeeper } from "./keeper.ts";

const OWNED_MS = 30_000;
const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

type Status = "completed" | "failed" | "cancelled";

async function setup() {
  const parts = await setUpLostFlows((part) => (open.push(part), part));
  const { queue, redis, store, record } = parts;
  const cancelled: Job[] = [];
  const repaired: number[] = [];
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const keeper = new FlowKeeper({
    queue,
    ended: new EndedFlows({ queue, flowStore: store, onEnded: () => undefined }),
    recorder: { shouldPause: false },
    callbackOf: () => undefined,
    cancelWaiting: (job) => cancelled.push(job),
    onClosed: () => undefined,
    onError,
  });
  open.push(keeper);
  const repair = new FlowRepair({
    ...{ queue, flowStore: store, replica: "rep00001", onError, periodMs: 10 },
    cancelOrphans: (ids) => keeper.cancelOrphans(ids),
    onRepaired: (_, jobs) => repaired.push(jobs),
    onOrphans: () => undefined,
  });
  open.push(repair);

  let seq = 0;
  const claim = async (slots = 100): Promise<readonly Job[]> => {
    seq += 1;
    return (await queue.claim(seq, 1, ioSlots({ noop: slots }))).claimed;
  };
  const settle = async (jobs: readonly Job[], verdict: Status, isCounted: boolean): Promise<void> => {
    const settlements = jobs.map((job) => settlement(job, { verdict, ...(isCounted && { flow: job.options.flow }) }));
    if (jobs.length > 0) await queue.settle(settlements, OWNED_MS);
  };
  /** Postgres has the rows of these jobs, and Redis has forgotten them. */
  const storeRows = async (flow: NewFlow, ids: readonly string[], verdict: Status): Promise<void> => {
    if (ids.length === 0) return;
    await record(flow, ...ids.map((id) => [id, verdict] as const));
    await queue.forget(ids.map((id) => ({ id, type: "noop", isAttempted: true })));
  };
  const submit = async (nodes: readonly TestNode[], changes: Parameters<typeof flowOf>[2] = {}): Promise<NewFlow> => {
    const flow = flowOf(queue, nodes, changes);
    await enqueueFlow(queue, flow);
    return flow;
  };
  const lose = (flow: NewFlow): Promise<unknown> => redisCommand(redis.port, "DEL", `{${NAMESPACE}}:f:${flow.id}`);
  const rowOf = async ({ id }: NewFlow) => {
    await until(async () => (await queue.flows.missing([id])).length === 1, { what: "Redis has forgotten the flow" });
    return at(await store.get([id]), 0);
  };
  /** Ends jobs as a replica of a version without flows does. */
  const endUncounted = async (flow: NewFlow, jobs: readonly Job[], verdict: Status): Promise<void> => {
    await settle(jobs, verdict, false);
    await storeRows(
      flow,
      jobs.map(({ id }) => id),
      verdict,
    );
  };
  return {
    ...parts,
    keeper,
    repair,
    cancelled,
    repaired,
    errors,
    claim,
    settle,
    storeRows,
    submit,
    lose,
    rowOf,
    endUncounted,
  };
}

describe("jobs that a replica of an earlier version has ended", () => {
  it("are counted once, with their result, and the flow goes on to its end", async () => {
    const { queue, keeper, repair, repaired, errors, claim, settle, submit, storeRows, endUncounted, rowOf } =
      await setup();
    const flow = await submit([
      { name: "a", keeps: true },
      { name: "many", batch: 3, maxFailures: 1 },
      { name: "next", after: ["a", "many"] },
    ]);
    const [a, one, two, three] = await claim();
    await endUncounted(flow, [a, one] as Job[], "completed");
    await endUncounted(flow, [two] as Job[], "failed");
    await settle([three as Job], "completed", true);
    await storeRows(flow, [three?.id ?? ""], "completed");
    expect(await outcomesOf(queue, flow)).toEqual({ a: "started", many: "started", next: "waiting" });
    repair.start();
    let last: readonly Job[] = [];
    await until(async () => (last = await claim()).length > 0, { what: "the last node runs" });
    expect(last.map(({ id }) => id)).toEqual([idAfter(flow.id, 5)]);
    expect(repaired.reduce((sum, jobs) => sum + jobs)).toBe(3);
    expect((await queue.flows.results(flow.id, [0])).get(0)).toEqual({ result: `{"of":"${a?.id}"}` });
    const [state] = await queue.flows.read([flow.id]);
    expect(state?.nodes[1]).toMatchObject({
      counts: { total: 3, completed: 2, failed: 1, cancelled: 0 },
      outcome: "completed",
      cause: two?.id,
    });
    keeper.start();
    await endUncounted(flow, last, "failed");
    expect((await rowOf(flow)).status).toBe("failed");
    expect(errors).toEqual([]);
  });

  it("are counted whatever else ends meanwhile, and no end is counted twice", async () => {
    const { queue, repair, claim, settle, submit, storeRows, endUncounted, errors } = await setup();
    repair.start();
    const fates = fc.record({
      verdict: fc.constantFrom<Status>("completed", "failed", "cancelled"),
      isCounted: fc.boolean(),
    });
    const property = fc.asyncProperty(fc.array(fates, { minLength: 1, maxLength: 12 }), async (jobs) => {
      const flow = await submit([{ name: "jobs", batch: jobs.length, maxFailures: 99 }], { kind: "batch" });
      const claimed = [...(await claim())].sort((x, y) => (x.id < y.id ? -1 : 1));
      expect(claimed).toHaveLength(jobs.length);
      for (const [i, { verdict, isCounted }] of jobs.entries()) {
        if (!isCounted) await endUncounted(flow, [at(claimed, i)], verdict);
        else await settle([at(claimed, i)], verdict, true);
      }
      for (const [i, { verdict, isCounted }] of jobs.entries())
        if (isCounted) await storeRows(flow, [at(claimed, i).id], verdict);
      await until(async () => (await queue.flows.read([flow.id]))[0]?.finishedAt, { what: "the flow ends" });
      const [state] = await queue.flows.read([flow.id]);
      const count = (status: Status): number => jobs.filter(({ verdict }) => verdict === status).length;
      expect(state?.nodes[0]?.counts).toEqual({
        ...{ total: jobs.length, completed: count("completed") },
        ...{ failed: count("failed"), cancelled: count("cancelled") },
      });
    });
    await fc.assert(property, { numRuns: 25 });
    expect(errors).toEqual([]);
  });

  it("are not counted by counts that have changed since they were read", async () => {
    const { queue, claim, settle, submit } = await setup();
    const flow = await submit([{ name: "jobs", batch: 2 }], { kind: "batch" });
    const [one] = await claim(1);
    const ends = {
      ...{ flow: flow.id, node: 0, late: { completed: 1, failed: 0, cancelled: 0 } },
      counted: { unfinished: 2, completed: 0, failed: 0, cancelled: 0 },
    };
    await settle([one as Job], "completed", true);
    expect(await queue.flows.repairs.count(ends)).toBe(false);
    expect((await queue.flows.read([flow.id]))[0]?.nodes[0]?.counts).toMatchObject({ total: 2, completed: 1 });
  });
});

describe("jobs that nobody has", () => {
  it("count as cancelled, unless Postgres has accepted them: the restore puts those back", async () => {
    const { queue, redis, claim, submit, newFlow, accept, repair, repaired, errors } = await setup();
    const key = `{${NAMESPACE}}:`;
    const durable = newFlow([{ name: "a" }, { name: "tidy", after: ["a"], when: "ended" }]);
    await accept(durable);
    await enqueueFlow(queue, durable);
    const flow = await submit([
      { name: "a", keeps: true },
      { name: "tidy", after: ["a"], when: "ended" },
    ]);
    for (const { id } of [at(durable.jobs, 0), at(flow.jobs, 0)]) {
      await redisCommand(redis.port, "DEL", `${key}j:${id}`);
      await redisCommand(redis.port, "ZREM", `${key}live`, id);
      await redisCommand(redis.port, "ZREM", `${key}ready:noop`, id);
    }
    repair.start();
    await until(() => repaired.length > 0, { what: "the lost job is counted" });
    expect(await outcomesOf(queue, flow)).toEqual({ a: "cancelled", tidy: "started" });
    expect((await queue.flows.results(flow.id, [0])).get(0)?.error).toContain("cancelled");
    expect((await claim()).map(({ id }) => id)).toEqual([at(flow.jobs, 1).id]);
    expect(await outcomesOf(queue, durable)).toEqual({ a: "started", tidy: "waiting" });
    expect(errors).toEqual([]);
  });
});

describe("jobs that wait in a flow that Redis has lost", () => {
  it("are cancelled, and nothing of the flow is left", async () => {
    const { queue, redis, claim, settle, submit, lose, repair, cancelled, errors } = await setup();
    const flow = await submit([
      { name: "a" },
      { name: "many", batch: 120, after: ["a"] },
      { name: "tidy", after: ["many"], when: "ended" },
    ]);
    const other = await submit([{ name: "a" }, { name: "b", after: ["a"] }]);
    await lose(flow);
    repair.start();
    await until(() => cancelled.length === 121, { what: "the waiting jobs are cancelled" });
    const codes = new Set(
      cancelled.map(({ history }) => (JSON.parse(at(history, 0)) as { error: { code: string } }).error.code),
    );
    expect([...codes]).toEqual(["dependency_failed"]);
    await settle(await claim(), "completed", true); // of the lost flow, too
    expect(await outcomesOf(queue, other)).toEqual({ a: "completed", b: "started" });
    const keys = ["f", "fi", "fr", "ft"].map((key) => `{${NAMESPACE}}:${key}:${flow.id}`);
    expect(await redisCommand(redis.port, "EXISTS", ...keys)).toBe(":0");
    expect((await queue.flows.list({ limit: 10 })).map(({ id }) => id)).toEqual([other.id]);
    const counts = await queue.jobCounts();
    expect([counts.unaccounted, counts.types.map(({ waiting }) => waiting)]).toEqual([0, [0]]);
    expect(errors).toEqual([]);
  });

  it("are left to the restore if the flow is durable", async () => {
    const { queue, newFlow, accept, submit, lose, repair, cancelled, statuses } = await setup();
    const durable = newFlow([{ name: "a" }, { name: "b", after: ["a"] }]);
    await accept(durable);
    await enqueueFlow(queue, durable);
    const flow = await submit([{ name: "a" }, { name: "b", after: ["a"] }]);
    await lose(durable);
    await lose(flow);
    repair.start();
    await until(() => cancelled.length > 0, { what: "the job of the other flow is cancelled" });
    expect(cancelled.map(({ id }) => id)).toEqual([at(flow.jobs, 1).id]);
    expect(await statuses(durable)).toEqual({
      [at(durable.jobs, 0).id]: "queued",
      [at(durable.jobs, 1).id]: "waiting",
    });
  });
});

it("puts back work that Redis has lost", async () => {
  const { queue, redis, claim, settle, submit, keeper, repair, cancelled, rowOf } = await setup();
  const flow = await submit([{ name: "a" }, { name: "b", after: ["a"] }]);
  const ended = await submit([{ name: "jobs", batch: 0 }], { kind: "batch" });
  await settle(await claim(), "failed", true);
  await redisCommand(redis.port, "DEL", `{${NAMESPACE}}:flow_work`);
  keeper.start();
  repair.start();
  expect((await rowOf(flow)).status).toBe("failed");
  expect((await rowOf(ended)).status).toBe("completed");
  expect(cancelled.map(({ id }) => id)).toEqual([at(flow.jobs, 1).id]);
  expect((await queue.flows.take()).works).toEqual([]);
});

it("is done by one replica at a time", async () => {
  const { queue } = await setup();
  const { repairs } = queue.flows;
  expect(await repairs.lead("rep00001", 30_000)).toBe(true);
  expect(await repairs.lead("rep00002", 30_000)).toBe(false);
  expect(await repairs.lead("rep00001", 30_000)).toBe(true);
});
