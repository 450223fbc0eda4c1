/** The audit has each job that acts on others, whichever call submitted it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { bulkJob } from "../../jobs/bulk/bulk-job.ts";
import { registryOf } from "../../jobs/registry.ts";
import rerun from "../../jobs/replay/replay.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer, testRegistry } from "../../testing/api-server.ts";

let server: ApiServer;
beforeAll(async () => {
  const own = [rerun, bulkJob("cancel"), bulkJob("erase")];
  const definitions = [...testRegistry.types.map(({ definition }) => definition), ...own];
  const registry = registryOf(
    definitions.map((definition) => ({ source: "test", definition })),
    {},
  );
  server = await startApiServer({ deps: { registry } });
});
afterAll(() => server.close());

const post = (path: string, body?: object, headers?: Record<string, string>) =>
  request(server, "POST", `/api/v1/jobs${path}`, body, headers);
/** The entries for one job: their actions and targets. */
async function entriesOf(id: unknown): Promise<(readonly [action: string, target: unknown])[]> {
  await server.audit.flush();
  const { body } = await request(server, "GET", "/api/v1/audit?limit=1000");
  return (body.entries as { action: string; target: string; job_id: string }[])
    .filter(({ job_id }) => job_id === id)
    .map(({ action, target }) => [action, JSON.parse(target) as unknown]);
}

it("has an operation that was submitted as a job, alone or in a batch, once", async () => {
  const job = { type: "bulk_cancel", payload: { tag: "a" }, delay_ms: 60_000 };
  const [first] = [
    await post("", job, { "idempotency-key": "one" }),
    await post("", job, { "idempotency-key": "one" }),
  ];
  expect(await entriesOf(first.body.id)).toEqual([["jobs.cancel", { tag: "a" }]]);
  const many = {
    type: "replay",
    payload: { retry_of: Array(100).fill(first.body.id), tag: Array(100).fill("é".repeat(255)) },
  };
  const note = { type: "note", payload: { text: "" }, delay_ms: 60_000 };
  const { body } = await post("/batch", { jobs: [note, many] });
  const [plain, large] = body.jobs as { id: string }[];
  expect(await entriesOf(plain?.id)).toEqual([]);
  expect(await entriesOf(large?.id)).toEqual([["jobs.replay", many.payload]]);
});

it("has the retry of an operation", async () => {
  const { body } = await post("", { type: "bulk_cancel", payload: { tag: "b" }, delay_ms: 60_000 });
  await post(`/${String(body.id)}/cancel`);
  const again = await post(`/${String(body.id)}/retry`);
  expect(again.status).toBe(202);
  expect(await entriesOf(again.body.id)).toEqual([["jobs.cancel", { tag: "b" }]]);
});

it("has what a waiting operation was changed to", async () => {
  const { body } = await post("", { type: "bulk_cancel", payload: { tag: "c" }, delay_ms: 60_000 });
  const patch = (changes: object) => request(server, "PATCH", `/api/v1/jobs/${String(body.id)}`, changes);
  expect((await patch({ payload: { tag: null, type: "note" } })).status).toBe(200);
  expect((await patch({ priority: 9 })).status).toBe(200); // the same operation
  expect((await patch({ payload: { colour: "red" } })).status).toBe(422);
  expect((await entriesOf(body.id)).toReversed()).toEqual([
    ["jobs.cancel", { tag: "c" }],
    ["jobs.cancel", { type: "note" }],
  ]);
  const note = await post("", { type: "note", payload: { text: "" }, delay_ms: 60_000 });
  await request(server, "PATCH", `/api/v1/jobs/${String(note.body.id)}`, { payload: { text: "a" } });
  expect(await entriesOf(note.body.id)).toEqual([]);
});

it("shows by which filters an erasure found jobs, without the data that it erases", async () => {
  const filters = { q: "ann@example.com", "payload.to": "ann@example.com", type: "note" };
  const shown = { q: "[erased]", "payload.to": "[erased]", type: "note" };
  for (const { body } of [await post("/erase", filters), await post("", { type: "bulk_erase", payload: filters })])
    expect(await entriesOf(body.id)).toEqual([["jobs.erase", shown]]);
});
