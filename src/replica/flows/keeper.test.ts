/** Keepers on a real Redis and Postgres, with a clock that the tests set. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at } from "../../core/at.ts";
import type { FlowState, NewFlow } from "../../core/flows/flow.ts";
import { idAfter } from "../../core/id.ts";
import type { Job } from "../../core/job.ts";
import { viewOf } from "../../core/job-view.ts";
import { forgettableOf } from "../../queue/forgetting.ts";
import type { Queue } from "../../queue/queue.ts";
import { FlowStore } from "../../results/flows/flow-store.ts";
import { migrate } from "../../results/migrate.ts";
import { enqueueFlow, flowOf } from "../../testing/flows.ts";
import { enqueueRaw, settlement } from "../../testing/queue.ts";
import { setUpQueues } from "../../testing/queue-setup.ts";
import { settableClock } from "../../testing/script-clock.ts";
import { freshDatabase } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";
import { EndedFlows } from "./ended-flows.ts";
import { FlowKeeper } from "./keeper.ts";

const OWNED_MS = 30_000;
/** Longer than a replica has a piece of work. */
const TAKEN_MS = 2_500;
const setClock = settableClock();
const setup = setUpQueues();

let flowStore: FlowStore;
let keepers: FlowKeeper[];
let cancelled: Job[];
let ended: FlowState[];
let closed: string[];

beforeEach(async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  flowStore = new FlowStore(url, "taskflow:0");
  [keepers, cancelled, ended, closed] = [[], [], [], []];
});
afterEach(async () => {
  await Promise.all(keepers.map((keeper) => keeper.close()));
  await flowStore.close();
});

function endedFlows(queue: Queue): EndedFlows {
  return new EndedFlows({ queue, flowStore, onEnded: (flow) => ended.push(flow) });
}

function startKeeper(queue: Queue): void {
  const keeper = new FlowKeeper({
    queue,
    ended: endedFlows(queue),
    recorder: { shouldPause: false },
    callbackOf: () => undefined,
    cancelWaiting: (job) => cancelled.push(job),
    onClosed: (flow) => closed.push(flow),
    onError: (error) => {
      throw error;
    },
  });
  keepers.push(keeper);
  keeper.start();
}

/** Settles all ready jobs. */
async function settleAll(queue: Queue, verdict: "completed" | "failed"): Promise<void> {
  const { claimed } = await setup().claim(queue, { noop: 1_000 });
  await queue.settle(
    claimed.map((job) => settlement(job, { verdict, flow: job.options.flow })),
    OWNED_MS,
  );
}

/** The row of a flow, once Redis has forgotten it. */
async function rowOf(queue: Queue, { id }: NewFlow): Promise<FlowState> {
  await until(async () => (await queue.flows.read([id]))[0] === undefined, { what: "Redis has forgotten the flow" });
  return at(await flowStore.get([id]), 0);
}

const outcomes = ({ nodes }: FlowState): unknown[] => nodes.map(({ outcome }) => outcome);

describe("a keeper", () => {
  it("cancels what can no longer run, also many jobs, and stores the row of the flow", async () => {
    const queue = await setup().replica();
    const flow = flowOf(queue, [
      { name: "bad" },
      { name: "many", batch: 250, after: ["bad"] },
      { name: "next", after: ["many"] },
      { name: "calm", after: ["next"], when: "failed" },
    ]);
    await enqueueFlow(queue, flow);
    startKeeper(queue);
    await settleAll(queue, "failed");
    await until(() => cancelled.length === 251, { what: "the jobs are cancelled" });
    await settleAll(queue, "completed");
    const row = await rowOf(queue, flow);
    expect([row.status, outcomes(row)]).toEqual(["failed", ["failed", "cancelled", "cancelled", "completed"]]);
    const [job] = flow.jobs;
    const { error } = viewOf(at(cancelled, 250));
    expect(error).toMatchObject({
      code: "dependency_failed",
      message: expect.stringContaining(job?.id ?? "") as string,
    });
    expect(ended.map(({ id }) => id)).toEqual([flow.id]);
    expect((await queue.flows.take()).works).toEqual([]);
  });

  it("does what another replica took and did not do", async () => {
    const [dead, queue] = [await setup().replica(), await setup().replica()];
    const flow = flowOf(dead, [{ name: "bad" }, { name: "next", after: ["bad"] }]);
    await enqueueFlow(dead, flow);
    await settleAll(dead, "failed");
    expect((await dead.flows.take()).works).toMatchObject([{ kind: "doomed" }]);
    await setClock(setup().redis, TAKEN_MS);
    startKeeper(queue);
    expect(outcomes(await rowOf(queue, flow))).toEqual(["failed", "cancelled"]);
  });

  it("continues a cancellation where another replica was", async () => {
    const [dead, queue] = [await setup().replica(), await setup().replica()];
    const flow = flowOf(dead, [{ name: "jobs", batch: 300 }], { kind: "batch" });
    await enqueueFlow(dead, flow);
    await dead.flows.requestCancel(flow.id);
    const [work] = (await dead.flows.take()).works;
    if (!work) throw new Error("there is no work");
    await dead.flows.extend(work, 250);
    await setClock(setup().redis, TAKEN_MS);
    startKeeper(queue);
    await until(async () => (await queue.flows.counts()).work === 0, { what: "the work is done" });
    expect(cancelled.map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, i) => idAfter(flow.id, 251 + i)));
  });

  it("cancels what was prepared for a retry that never comes", async () => {
    const queue = await setup().replica();
    const { id, jobs } = flowOf(queue, [{ name: "jobs", batch: 250 }], { kind: "batch" });
    const flow = { kind: "prepare", id, retryId: idAfter(id, 1), position: 0 } as const;
    const ids = jobs.map((job) => job.id);
    await enqueueRaw(queue, { ids, submissions: jobs.map(({ submission }) => submission), flow });
    await setClock(setup().redis, 50_000);
    expect((await queue.flows.take()).works).toEqual([]);
    await setClock(setup().redis, 61_000);
    startKeeper(queue);
    await until(() => cancelled.length === 250, { what: "the jobs are cancelled" });
    expect(viewOf(at(cancelled, 0)).error).toMatchObject({ code: "dependency_failed" });
    await until(async () => (await queue.flows.counts()).work === 0, { what: "nothing is left to do" });
    expect(await queue.jobCounts()).toMatchObject({ types: [{ waiting: 0, cancelled: 250 }] });
  });

  it("closes a batch that nobody has closed", async () => {
    const queue = await setup().replica();
    const closesAt = (await queue.time()) + 60_000;
    const flow = flowOf(queue, [{ name: "jobs", batch: 0 }], { kind: "batch", closesAt });
    await enqueueFlow(queue, flow);
    await setClock(setup().redis, 61_000);
    startKeeper(queue);
    expect(await rowOf(queue, flow)).toMatchObject({ status: "completed", closedBy: "timeout", isOpen: false });
    expect(closed).toEqual([flow.id]);
  });

  it("sends no command while there are no flows", async () => {
    const sent: string[] = [];
    const queue = await setup().replica({ onRoundTrip: (name) => void sent.push(name) });
    const takes = (): number => sent.filter((name) => name === "flow-take").length;
    startKeeper(queue);
    await until(() => takes() === 1, { what: "the keeper has looked for work" });
    const flow = flowOf(queue, [{ name: "one" }]);
    await enqueueFlow(queue, flow);
    await settleAll(queue, "completed");
    await rowOf(queue, flow);
    await until(async () => (await queue.flows.counts()).work === 0, { what: "the work is done" });
    await Promise.all(keepers.map((keeper) => keeper.close()));
    const before = takes();
    startKeeper(queue);
    await until(() => takes() === before + 1, { what: "the keeper has looked for work" });
    await queue.sweep(OWNED_MS, 10);
    expect(takes()).toBe(before + 1);
  });
});

describe("an ended flow", () => {
  it("keeps its results until the jobs that refer to them are recorded", async () => {
    const queue = await setup().replica();
    const flow = flowOf(queue, [
      { name: "first", keeps: true },
      { name: "next", after: ["first"] },
    ]);
    await enqueueFlow(queue, flow);
    await settleAll(queue, "completed");
    await settleAll(queue, "completed");
    const store = endedFlows(queue);
    await store.store([flow.id]);
    expect((await flowStore.get([flow.id])).map(({ status }) => status)).toEqual(["completed"]);
    expect((await queue.flows.read([flow.id]))[0]?.status).toBe("completed");
    const jobs = await queue.read(flow.jobs.map(({ id }) => id));
    await queue.forget(jobs.map((job) => forgettableOf({ job, records: [] })));
    await store.store([flow.id]);
    expect(await queue.flows.read([flow.id])).toEqual([undefined]);
    expect(ended).toHaveLength(1);
  });
});
