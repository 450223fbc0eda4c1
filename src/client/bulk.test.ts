import { afterAll, beforeAll, expect, it } from "vitest";
import type { TestReplica } from "../testing/replica.ts";
import { startReplica } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { TaskFlow, TaskFlowError } from "./taskflow.ts";

let replica: TestReplica;
let client: TaskFlow;
beforeAll(async () => {
  const [redis, database] = [await freshRedis(), await freshDatabase()];
  replica = await startReplica({ redis: redis.address, database: database.url, artifacts: tempDir() });
  client = new TaskFlow({ url: replica.url });
});
afterAll(() => replica.close());

async function taken<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => (error instanceof TaskFlowError ? error : undefined),
  );

it("changes a job, runs it, and cancels all that match", async () => {
  const tags = ["changed"];
  const { id } = await client.submit("noop", { a: 1, snakeCase: 2 }, { delayMs: 3_600_000, tags });
  expect(await client.update(id, { priority: 9, payload: { a: null, camelCase: 3 } })).toMatchObject({
    priority: 9,
    payload: { snakeCase: 2, camelCase: 3 },
  });
  expect(await client.cancelAll({ tag: tags, payload: { camelCase: "3" } }, { dryRun: true })).toEqual({
    matched: 1,
  });
  expect(await client.cancelAll({ tag: tags, payload: { camelCase: "4" } }, { dryRun: true })).toEqual({
    matched: 0,
  });
  await client.run(id);
  expect(await client.waitFor(id)).toMatchObject({ status: "completed" });
  const later = await client.submit("noop", {}, { delayMs: 3_600_000, tags });
  const bulk = await client.cancelAll({ tag: tags, status: ["scheduled", "queued"] }, { rate: 1_000 });
  expect(await client.waitFor(bulk.id)).toMatchObject({
    status: "completed",
    result: { matched: 1, done: 1, skipped: 0 },
  });
  expect(await client.get(later.id)).toMatchObject({ status: "cancelled" });
  const summaries = await taken(client.list({ tag: tags, view: "summary" }));
  expect(summaries.map((job) => job.id)).toEqual([later.id, id]);
  expect(summaries[0]).not.toHaveProperty("payload");
  const [page] = await taken(client.pages({ tag: tags, pageSize: 2 }));
  expect(page).toMatchObject({ jobs: [{ id: later.id }, { id }], examined: expect.any(Number) as number });
});

it("reads history, errors, types, destinations and the audit", async () => {
  const type = "test_io";
  await client.submit(type, { do: "permanent" }, { waitSeconds: 20 });
  const groups = await until(
    async () => {
      const read = await client.errors({ from: new Date(Date.now() - 3_600_000), type: [type, "noop"] });
      return read.errors.length > 0 ? read : undefined;
    },
    { what: "the failure is recorded" }, // the answer comes before that
  );
  expect(groups.errors).toContainEqual(expect.objectContaining({ type, code: "test_permanent" }));
  const { series } = await client.series({ step: "hour", type });
  expect(series.reduce((sum, { failed }) => sum + failed, 0)).toBeGreaterThan(0);
  const { types, versions } = await client.series({ step: "day", type, by: "type" });
  expect(types).toMatchObject([{ type, run_total_ms: expect.any(Number) as number }]);
  expect(versions).toMatchObject([{ version: "0.0.0-test" }]);
  expect(groups.version_since).toBeNull(); // one version has run
  expect(await client.types()).toContainEqual(expect.objectContaining({ type, replicas: [replica.id] }));
  expect(await client.destinations()).toEqual([]);
  expect(await failure(client.resetDestination("nowhere.example:8080"))).toMatchObject({ status: 404 });
  expect(await failure(taken(client.audit({ from: "soon" })))).toMatchObject({ status: 422 });
  expect(await taken(client.audit({ action: "no.such.action", pageSize: 1 }))).toEqual([]);
});

it("reads the queue of a type, and its depth over time", async () => {
  const type = "noop";
  await client.pause(type);
  const { id } = await client.submit(type, {}, { groupKey: "a/b" });
  expect(await client.queue(type)).toMatchObject({
    type,
    state: "paused",
    depth: 1,
    groups: [{ group_key: "a/b", waiting: 1 }],
    replicas: [replica.id],
  });
  const range = { from: new Date(Date.now() - 3_600_000), to: new Date() };
  expect(await client.queueHistory(type, range)).toMatchObject({ step_ms: 60_000, samples: expect.any(Array) as [] });
  await client.resume(type);
  await client.waitFor(id);
  for (const read of [client.queue("no/type"), client.queueHistory("no/type")])
    expect(await failure(read)).toMatchObject({ status: 404, code: "queue_not_found" });
});

it("reports the progress of a job while it waits for its end", async () => {
  const progress: number[] = [];
  const { id } = await client.submit("test_io", { do: "steps", percents: [25], ms: 300 }, { delayMs: 500 });
  await client.waitFor(id, { onProgress: (percent) => progress.push(percent) });
  expect(progress).toContain(25);
});
