import { afterEach, describe, expect, it } from "vitest";
import type { NewFlow } from "../../core/flows/flow.ts";
import { idAfter } from "../../core/id.ts";
import { redisCommand } from "../../embedded/redis-command.ts";
import { enqueueFlow, jobOfNode, outcomesOf, stateAtStart } from "../../testing/flows.ts";
import { DURABLE, NAMESPACE, setUpLostFlows } from "../../testing/lost-flows.ts";
import { idAt } from "../../testing/outcomes.ts";
import { enqueueRaw, submission } from "../../testing/queue.ts";
import { until } from "../../testing/until.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});
const setup = () => setUpLostFlows((part) => (open.push(part), part));

const idsOf = ({ jobs }: NewFlow): string[] => jobs.map(({ id }) => id);

describe("after Redis has lost its data, a durable flow", () => {
  it("of which nothing ran begins again, and ends", async () => {
    const { queue, newFlow, accept, emptied, statuses, runAll } = await setup();
    const flow = newFlow([{ name: "a" }, { name: "b", batch: 3, after: ["a"] }, { name: "c", after: ["b"] }]);
    await accept(flow);
    await enqueueFlow(queue, flow);
    await emptied();
    const [a = "", ...others] = idsOf(flow);
    expect(await statuses(flow)).toEqual({ [a]: "queued", ...Object.fromEntries(others.map((id) => [id, "waiting"])) });
    expect(await runAll()).toEqual(idsOf(flow));
    expect(await outcomesOf(queue, flow)).toEqual({ a: "completed", b: "completed", c: "completed" });
  });

  it("goes on in the middle: jobs with a row have ended, and the others run", async () => {
    const { queue, newFlow, accept, record, emptied, statuses, runAll } = await setup();
    const flow = newFlow(
      [
        { name: "jobs", batch: 4, maxFailures: 1, keeps: true },
        { name: "on_first_failure", after: ["jobs"], when: "first_failure" },
        { name: "on_complete", after: ["jobs"], when: "ended" },
      ],
      { kind: "batch" },
    );
    const [one = "", two = "", three = "", four = "", onFailure = "", onComplete = ""] = idsOf(flow);
    await accept(flow);
    await record(flow, [two, "completed"], [three, "failed"]);
    await emptied();
    expect(await statuses(flow)).toEqual({
      [one]: "queued",
      [four]: "queued",
      [onFailure]: "queued",
      [onComplete]: "waiting",
    });
    const [state] = await queue.flows.read([flow.id]);
    expect(state?.nodes[0]).toMatchObject({
      counts: { total: 4, completed: 1, failed: 1, cancelled: 0 },
      cause: three,
    });
    expect((await queue.flows.results(flow.id, [0])).get(0)).toEqual({
      error: JSON.stringify({ code: "broken", message: "it broke", attempt: 1 }),
    });
    expect((await runAll()).sort()).toEqual([one, four, onFailure, onComplete]);
    expect(await outcomesOf(queue, flow)).toEqual({
      jobs: "completed",
      on_first_failure: "completed",
      on_complete: "completed",
    });
  });

  it("runs no callback again that has a row, and starts what a node with rows has released", async () => {
    const { queue, newFlow, accept, record, emptied, runAll } = await setup();
    const flow = newFlow([
      { name: "a", keeps: true },
      { name: "then", after: ["a"] },
      { name: "next", after: ["a"] },
    ]);
    const [a = "", then = "", next = ""] = idsOf(flow);
    await accept(flow);
    await record(flow, [a, "completed"], [then, "completed"]);
    await emptied();
    expect((await queue.flows.results(flow.id, [0])).get(0)).toEqual({ result: `{"of":"${a}"}` });
    expect(await runAll()).toEqual([next]);
  });

  it("knows of results that were too large to be kept", async () => {
    const { queue, client, newFlow, accept, record, emptied, runAll } = await setup();
    const flow = newFlow([
      { name: "a", keeps: true },
      { name: "b", keeps: true },
      { name: "next", after: ["a", "b"] },
    ]);
    const [a = "", b = "", next = ""] = idsOf(flow);
    await accept(flow);
    await record(flow, [a, "completed"], [b, "completed"]);
    await client.query("update jobs set result = to_json(repeat('x', 300000)) where id = $1", [a]);
    await emptied();
    expect(await queue.flows.results(flow.id, [0, 1])).toEqual(
      new Map([
        [0, { result: "too_large" }],
        [1, { result: `{"of":"${b}"}` }],
      ]),
    );
    expect(await runAll()).toEqual([next]);
  });

  it("cancels the jobs that can no longer run, and knows those that were cancelled or not needed", async () => {
    const { queue, newFlow, accept, record, emptied, statuses } = await setup();
    const flow = newFlow([
      { name: "a" },
      { name: "b", after: ["a"] },
      { name: "c", after: ["b"] },
      { name: "tidy", after: ["a"], when: "ended" },
      { name: "well" },
      { name: "alarm", after: ["well"], when: "failed" },
    ]);
    const [a = "", b = "", c = "", tidy = "", well = "", alarm = ""] = idsOf(flow);
    await accept(flow);
    await record(
      flow,
      [a, "failed"],
      [b, "cancelled", "dependency_failed"],
      [well, "completed"],
      [alarm, "cancelled", "not_needed"],
    );
    await emptied();
    expect(await statuses(flow)).toEqual({ [c]: "waiting", [tidy]: "queued" });
    expect(await outcomesOf(queue, flow)).toEqual({
      ...{ a: "failed", b: "cancelled", c: "doomed", tidy: "started", well: "completed", alarm: "skipped" },
    });
    const { works } = await queue.flows.take();
    expect(works).toMatchObject([{ kind: "doomed", flow: flow.id, node: 2, cause: { id: a, node: "a" } }]);
  });

  it("all of whose jobs have a row gets its own row", async () => {
    const { queue, store, newFlow, accept, record, emptied } = await setup();
    const flow = newFlow([{ name: "a" }, { name: "b", after: ["a"] }]);
    const [a = "", b = ""] = idsOf(flow);
    await accept(flow);
    await record(flow, [a, "failed"], [b, "cancelled"]);
    await emptied();
    expect(await queue.flows.read([flow.id])).toEqual([undefined]);
    const [row] = await store.get([flow.id]);
    expect(row).toMatchObject({ status: "failed", nodes: [{ outcome: "failed" }, { outcome: "cancelled", cause: a }] });
    expect(row?.finishedAt).toBeGreaterThan(Date.now() - 60_000);
  });

  it("without jobs is put back, too", async () => {
    const { queue, newFlow, accept, emptied } = await setup();
    const flow = newFlow([{ name: "jobs", batch: 0 }], { kind: "batch", closesAt: Date.now() + 60_000 });
    await accept(flow);
    await emptied();
    expect(await queue.flows.read([flow.id])).toMatchObject([{ isOpen: true, status: "running" }]);
  });

  it("whose lost jobs have no row anymore counts them as cancelled", async () => {
    const { queue, client, newFlow, accept, emptied, runAll } = await setup();
    const flow = newFlow([
      { name: "a", batch: 2 },
      { name: "tidy", after: ["a"], when: "ended" },
    ]);
    const [lost = "", one = "", tidy = ""] = idsOf(flow);
    await accept(flow);
    await client.query("delete from accepted where id = $1", [lost]);
    await emptied();
    expect((await runAll()).sort()).toEqual([one, tidy]);
    expect(await outcomesOf(queue, flow)).toEqual({ a: "cancelled", tidy: "completed" });
  });

  it("stays closed, and cancelled, if Postgres knows it", async () => {
    const { queue, store, newFlow, accept, emptied } = await setup();
    const flow = newFlow([{ name: "jobs", batch: 2 }], { kind: "batch", closesAt: Date.now() + 60_000 });
    await accept(flow);
    await store.note(flow.id, { closedBy: "caller", isCancelRequested: true });
    await emptied();
    expect(await queue.flows.read([flow.id])).toMatchObject([
      { isOpen: false, closedBy: "caller", isCancelRequested: true },
    ]);
    expect((await queue.flows.take()).works).toMatchObject([{ kind: "cancel", flow: flow.id }]);
  });

  it("that runs again keeps what had completed before", async () => {
    const { queue, store, commit, newFlow, accept, record, emptied, statuses } = await setup();
    const flow = newFlow([{ name: "a" }, { name: "b", after: ["a"] }]);
    const [a = "", b = ""] = idsOf(flow);
    await accept(flow);
    await record(flow, [a, "completed"], [b, "failed"]);
    const [running] = await store.get([flow.id]);
    if (!running) throw new Error("the row is missing");
    await store.save([{ ...running, status: "failed", finishedAt: Date.now() }]);
    const again = queue.ids.next();
    const [first, second] = flow.graph.nodes;
    if (!first || !second) throw new Error("the graph has two nodes");
    const graph = { ...flow.graph, nodes: [first, { ...second, ids: [{ first: again, count: 1 }] }] };
    const job = jobOfNode(flow.id, graph, 1, DURABLE);
    await commit({
      jobs: [{ id: again, submission: job }],
      flow: { kind: "retried", id: flow.id, graph, nodes: running.nodes },
    });
    await emptied();
    expect(await statuses({ ...flow, jobs: [...flow.jobs, { id: again, submission: job }] })).toEqual({
      [again]: "queued",
    });
    expect(await outcomesOf(queue, flow)).toEqual({ a: "completed", b: "started" });
  });
});

describe("jobs added to a batch", () => {
  it("come back with the batch", async () => {
    const { queue, commit, newFlow, accept, emptied, runAll } = await setup();
    const batch = newFlow(
      [
        { name: "jobs", batch: 1 },
        { name: "on_complete", after: ["jobs"], when: "ended" },
      ],
      {
        kind: "batch",
        closesAt: Date.now() + 60_000,
      },
    );
    await accept(batch);
    const first = queue.ids.next(2);
    const jobs = [first, idAfter(first, 1)].map((id) => ({
      id,
      submission: jobOfNode(batch.id, batch.graph, 0, DURABLE),
    }));
    await commit({ jobs, flow: { kind: "added", id: batch.id, range: { first, count: 2 } } });
    await emptied();
    expect(await runAll()).toHaveLength(3);
    expect(await outcomesOf(queue, batch)).toEqual({ jobs: "started", on_complete: "waiting" });
    expect(await queue.flows.close(batch.id, "caller")).toBe("closed");
    expect(await runAll()).toHaveLength(1);
  });

  it("are added if Redis never got them, and withdrawn if the batch is closed", async () => {
    const { queue, client, commit, newFlow, accept, restore, events, statuses } = await setup();
    const ageMs = 61_000;
    const batches = [0, 1].map(() =>
      newFlow([{ name: "jobs", batch: 1 }], { kind: "batch", closesAt: Date.now() + 60_000 }),
    );
    const added: string[] = [];
    for (const batch of batches) {
      await accept(batch);
      await enqueueFlow(queue, batch);
      const first = idAt(Date.now() - ageMs - 1_000 * added.length);
      const jobs = [first, idAfter(first, 1)].map((id) => ({
        id,
        submission: jobOfNode(batch.id, batch.graph, 0, DURABLE),
      }));
      await commit({ jobs, flow: { kind: "added", id: batch.id, range: { first, count: 2 } } });
      added.push(first);
    }
    await queue.flows.close(batches[1]?.id ?? "", "caller");
    restore();
    const left = async (): Promise<string[]> =>
      (await client.query<{ flow: string }>("select flow from flow_additions")).rows.map(({ flow }) => flow);
    await until(async () => (await left()).length === 1, { what: "one addition is withdrawn" });
    expect(await left()).toEqual([batches[0]?.id]);
    await until(() => events.includes("restored 2"), { what: "the other is added" });
    expect((await queue.flows.read([batches[0]?.id ?? ""]))[0]?.nodes[0]?.counts.total).toBe(3);
    expect(await queue.missing([added[0] ?? "", added[1] ?? ""])).toEqual([added[1]]);
    expect(await statuses(batches[1] as NewFlow)).not.toHaveProperty(added[1] ?? "");
  });
});

it("withdraws jobs that were prepared for a retry that did not take place", async () => {
  const { queue, client, store, commit, newFlow, restore } = await setup();
  const batch = newFlow([{ name: "jobs", batch: 1 }], { kind: "batch" });
  await store.save([{ ...stateAtStart(batch), status: "cancelled", finishedAt: Date.now() }]);
  const first = idAt(Date.now() - 61_000);
  const ids = [first, idAfter(first, 1)];
  await commit({ jobs: ids.map((id) => ({ id, submission: jobOfNode(batch.id, batch.graph, 0, DURABLE) })) });
  restore();
  const isEmpty = async (): Promise<boolean> => (await client.query("select from accepted")).rowCount === 0;
  await until(isEmpty, { what: "the jobs are withdrawn" });
  expect(await queue.missing(ids)).toEqual(ids);
});

describe("a restore that ends halfway", () => {
  it("is completed by the next: jobs of nodes that have started are enqueued, and only those", async () => {
    const { queue, client, newFlow, accept, restore, events, statuses } = await setup();
    const flow = newFlow([
      { name: "a", batch: 2 },
      { name: "b", after: ["a"] },
    ]);
    const [one = "", two = "", b = ""] = idsOf(flow);
    await accept(flow);
    const { id, graph, jobs } = flow;
    const half = jobs.slice(2);
    await enqueueRaw(queue, {
      ids: [b],
      submissions: half.map(({ submission }) => submission),
      flow: { kind: "new", id, graph },
    });
    await client.query("update accepted_epochs set epoch = 'another'"); // all ids are examined, as if Redis were another one
    restore();
    await until(async () => (await queue.missing([one, two])).length === 0, { what: "they are enqueued" });
    expect(await statuses(flow)).toEqual({ [one]: "queued", [two]: "queued", [b]: "waiting" });
    expect(events).toContain("restored 2");
  });

  it("waits while a job of the flow has ended in Redis and has no row", async () => {
    const { redis, queue, client, commit, newFlow, accept, record, restore, events, runAll } = await setup();
    const flow = newFlow([{ name: "a", batch: 2 }]);
    await accept(flow);
    await enqueueFlow(queue, flow);
    const other = queue.ids.next();
    await commit({ jobs: [{ id: other, submission: submission({ ...DURABLE, type: "other" }) }] });
    await redisCommand(redis.port, "DEL", `{${NAMESPACE}}:f:${flow.id}`);
    const [first = ""] = await runAll(1);
    await client.query("update accepted_epochs set epoch = 'another'"); // all ids are examined
    restore();
    await until(() => events.includes("restored 1"), { what: "another job is put back" });
    expect(await queue.flows.read([flow.id])).toEqual([undefined]);
    await record(flow, [first, "completed"]);
    await until(async () => (await queue.flows.read([flow.id]))[0] !== undefined, { what: "the flow is put back" });
    expect(await runAll()).toHaveLength(1);
    expect(await outcomesOf(queue, flow)).toEqual({ a: "completed" });
  });
});
