import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../testing/api-server.ts";
import { startApiServer } from "../testing/api-server.ts";
import { TaskFlow } from "./taskflow.ts";

const LATER = { delayMs: 3_600_000 };
const note = (text: string, more: object = {}) => ({ type: "note", payload: { text }, ...more });

let server: ApiServer;
let client: TaskFlow;
beforeAll(async () => {
  server = await startApiServer();
  client = new TaskFlow({ url: server.url });
});
afterAll(() => server.close());

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe("flows", () => {
  it("submits, reads, lists and waits for a flow", async () => {
    const flow = await client.flows.submit(
      {
        name: "of the client",
        onFailure: "stop",
        jobs: {
          export: note("a", { groupKey: "g" }),
          thumbs: { batch: [note("b", { maxAttempts: 2 })], maxFailures: 1 },
          mail: note("${export.result.link}", { after: ["export", "thumbs"], when: "ended" }),
        },
      },
      { idempotencyKey: "client-1" },
    );
    expect(flow).toMatchObject({ on_failure: "stop", jobs: { mail: { when: "ended", after: ["export", "thumbs"] } } });
    expect(await client.flows.get(flow.id)).toEqual(flow);
    expect(await all(client.flows.list({ name: "of the client", status: ["running"], pageSize: 1 }))).toMatchObject([
      { id: flow.id },
    ]);
    const jobs = await all(client.flows.jobs(flow.id, { view: "summary", pageSize: 1 }));
    expect(jobs.map(({ node, group_key, max_attempts }) => [node, group_key, max_attempts])).toEqual([
      ["export", "g", 3],
      ["thumbs", null, 2],
      ["mail", null, 3],
    ]);
    const statuses: string[] = [];
    const ended = client.flows.waitFor(flow.id, {
      onState: ({ jobs: nodes }) => statuses.push(nodes["mail"]?.status ?? ""),
    });
    for (let n = 0; n < 3; n += 1) await server.finishNext('{"link":"x"}');
    expect(await ended).toMatchObject({ status: "completed" });
    expect([statuses[0], statuses.at(-1)]).toEqual(["waiting", "completed"]);
  });

  it("cancels a flow, and gives up to wait for one", async () => {
    const { id } = await client.flows.submit({ jobs: { a: note("a", LATER) } });
    await expect(client.flows.waitFor(id, { timeoutMs: 1 })).rejects.toMatchObject({ code: "wait_timeout", id });
    expect(await client.flows.cancel(id)).toMatchObject({ id, cancel_requested: true });
    expect(await client.flows.waitFor(id)).toMatchObject({ status: "cancelled" });
    await expect(client.flows.retry("01890000-0000-7000-8000-000000000000")).rejects.toMatchObject({
      code: "flow_not_found",
    });
  });

  it("submits a job with jobs after it", async () => {
    const job = await client.submit(
      "note",
      { text: "a" },
      { then: [note("${result.x}", LATER)], onFailure: [note("c")] },
    );
    expect(job).toMatchObject({ node: "job" });
    expect(await client.flows.get(job.flow_id ?? "")).toMatchObject({ kind: "then", totals: { total: 3 } });
    await client.flows.cancel(job.flow_id ?? "");
  });
});

describe("batches", () => {
  it("submits jobs and callbacks", async () => {
    const batch = await client.batches.submit([note("1", LATER)], {
      ...{ name: "b", maxFailures: 2, onComplete: note("done") },
    });
    expect(batch).toMatchObject({ name: "b", total: 1, open: false, max_failures: 2 });
    expect(Object.keys(batch.callbacks)).toEqual(["on_complete"]);
    expect(await all(client.batches.list({ name: "b" }))).toMatchObject([{ id: batch.id }]);
    expect(await client.batches.cancel(batch.id)).toMatchObject({ cancel_requested: true });
  });

  it("submits more jobs than fit into one request, once", async () => {
    const jobs = Array.from({ length: 10_001 }, (_, n) => note(String(n), LATER));
    const submit = () => client.batches.submit(jobs, {}, { idempotencyKey: "many" });
    const batch = await submit();
    expect(batch).toMatchObject({ total: 10_001, open: false, closed_by: "caller", counts: { unfinished: 10_001 } });
    expect((await submit()).id).toBe(batch.id);
    expect(await client.batches.get(batch.id)).toMatchObject({ total: 10_001 });
    await client.batches.cancel(batch.id);
  }, 60_000);

  it("adds jobs to an open batch, and closes it", async () => {
    const { id } = await client.batches.submit([], { open: true, closeAfterMs: 60_000 });
    expect(await client.batches.add(id, [note("1", LATER), note("2", LATER)])).toHaveLength(2);
    expect(await client.batches.close(id)).toMatchObject({ open: false, total: 2 });
    await expect(client.batches.add(id, [note("3")])).rejects.toMatchObject({ code: "batch_closed" });
    expect(await all(client.batches.jobs(id, { pageSize: 1 }))).toHaveLength(2);
    await client.batches.cancel(id);
    expect(await client.batches.waitFor(id)).toMatchObject({ status: "cancelled" });
  });
});
