import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../../testing/api-server.ts";
import { startApiServer } from "../../../testing/api-server.ts";
import { flowCalls, issuesOf, LATER, NDJSON, note } from "../../../testing/flow-calls.ts";
import { ioSlots } from "../../../testing/queue.ts";
import { until } from "../../../testing/until.ts";

interface BatchBody {
  readonly id: string;
  readonly total: number;
  readonly callbacks: Record<string, string>;
}

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const { get, post, remove, endOf } = flowCalls(() => server);
const created = async (body: object): Promise<BatchBody> => {
  const made = await post("batches", body);
  expect(made.status).toBe(202);
  return made.body as unknown as BatchBody;
};

describe("POST /api/v1/batches", () => {
  it("counts its jobs, and runs its callbacks", async () => {
    const made = await post("batches", {
      ...{ name: "b-1", max_failures: 1, jobs: [note("1"), note("2"), note("3")] },
      ...{ on_success: note(), on_complete: note("done"), on_first_failure: note("${error.code}") },
    });
    const batch = made.body as unknown as BatchBody;
    expect([made.status, made.headers.get("location")]).toEqual([202, `/api/v1/batches/${batch.id}`]);
    expect(batch).toEqual({
      ...{ id: batch.id, name: "b-1", status: "running", open: false, closes_at: null, closed_by: null, total: 3 },
      counts: { waiting: 0, unfinished: 3, completed: 0, failed: 0, cancelled: 0 },
      ...{ progress: 0, max_failures: 1, cause: null, cancel_requested: false, finished_at: null },
      callbacks: {
        on_success: expect.any(String) as string,
        on_complete: expect.any(String) as string,
        on_first_failure: expect.any(String) as string,
      },
      created_at: expect.any(String) as string,
    });
    expect((await get(`batches/${batch.id}`)).body).toEqual(batch);
    const members = (await get(`batches/${batch.id}/jobs`)).body["jobs"] as { id: string }[];
    expect(members).toHaveLength(3);
    expect(members).toMatchObject(members.map(() => ({ batch_id: batch.id, flow_id: null, node: null })));
    const failed = await server.failNext({ code: "broken", message: "it broke" });
    expect((await get(`batches/${batch.id}`)).body).toMatchObject({
      ...{ status: "running", counts: { unfinished: 2, failed: 1 }, progress: 33, cause: failed.id },
    });
    expect((await get(`jobs/${batch.callbacks["on_first_failure"] ?? ""}`)).body).toMatchObject({
      ...{ status: "queued", batch_id: batch.id, node: "on_first_failure" },
    });
    expect((await get(`jobs/${batch.callbacks["on_success"] ?? ""}/why`)).body).toMatchObject({
      waiting_for: [{ node: "jobs", job_id: null, status: "running" }],
    });
    expect((await remove(`batches/${batch.id}`)).status).toBe(202);
    const countsOf = async () => (await get(`batches/${batch.id}`)).body["counts"] as Record<string, number>;
    await until(async () => (await countsOf())["cancelled"] === 2, { what: "the other jobs are cancelled" });
    const [first, last] = [await server.finishNext("{}"), await server.finishNext("{}")];
    expect([first.id, last.id]).toEqual([batch.callbacks["on_first_failure"], batch.callbacks["on_complete"]]);
    expect(await endOf(`batches/${batch.id}`)).toMatchObject({
      status: "cancelled",
      counts: { cancelled: 2, failed: 1 },
    });
    expect((await get(`jobs/${batch.callbacks["on_success"] ?? ""}`)).body).toMatchObject({ status: "cancelled" });
  });

  it("completes at once when it is empty", async () => {
    const { id } = await created({ jobs: [] });
    expect((await get(`batches/${id}`)).body).toMatchObject({ status: "completed", total: 0, progress: 100 });
    expect((await get(`batches/${id}/jobs`)).body).toEqual({ jobs: [], next_cursor: null });
  });

  it("takes NDJSON, whose first line may have the callbacks", async () => {
    const lines = [{ name: "lines", on_complete: note() }, note("1", LATER), note("2", LATER)];
    const made = await post("batches", lines.map((line) => JSON.stringify(line)).join("\n"), NDJSON);
    expect(made).toMatchObject({ status: 202, body: { name: "lines", total: 2 } });
    expect((await post("batches", JSON.stringify(note("3", LATER)), NDJSON)).body).toMatchObject({ total: 1 });
    await remove(`batches/${String(made.body["id"])}`);
    await server.finishNext("{}"); // the callback
  });

  it("lists all issues at once", async () => {
    const rejected = await post("batches?x=1", {
      ...{ jobs: [note(), { type: "note", payload: {} }], open: "yes", max_failures: -1, surprise: 1 },
      ...{ on_complete: { type: "nothing", payload: {} }, on_first_failure: note("${result.total}") },
    });
    expect([rejected.status, issuesOf(rejected).sort()]).toEqual([
      422,
      [
        ...["/jobs/1/payload/text", "/max_failures", "/on_complete/type", "/on_first_failure/payload/text", "/open"],
        ...["/surprise", "/x"],
      ],
    ]);
    expect((await post("batches", "x", { "content-type": "text/plain" })).status).toBe(415);
    expect((await post("batches", '{"type":"note"}\n{', NDJSON)).status).toBe(400);
  });
});

describe("an open batch", () => {
  it("gets more jobs until it is closed, each addition once per Idempotency-Key", async () => {
    const { id } = await created({ jobs: [note()], open: true, close_after_ms: 3_600_000 });
    expect((await get(`batches/${id}`)).body).toMatchObject({ open: true, closes_at: expect.any(String) as string });
    const headers = { "idempotency-key": "more" };
    const added = await post(`batches/${id}/jobs`, { jobs: [note("2"), note("3", LATER)] }, headers);
    expect(added).toMatchObject({ status: 202, body: { jobs: [{ status: "queued" }, { status: "scheduled" }] } });
    const again = await post(`batches/${id}/jobs`, { jobs: [note("2"), note("3", LATER)] }, headers);
    expect([again.headers.get("idempotent-replayed"), again.body]).toEqual(["true", added.body]);
    expect(await post(`batches/${id}/jobs`, { jobs: [note("4")] }, headers)).toMatchObject({
      ...{ status: 422, body: { code: "idempotency_key_reused" } },
    });
    expect((await post(`batches/${id}/jobs`, JSON.stringify(note("5", LATER)), NDJSON)).status).toBe(202);
    expect((await get(`batches/${id}`)).body).toMatchObject({ total: 4 });
    const closed = await post(`batches/${id}/close`);
    expect(closed).toMatchObject({ status: 200, body: { open: false, closed_by: "caller", closes_at: null } });
    expect((await post(`batches/${id}/close`)).body).toEqual(closed.body);
    const late = await post(`batches/${id}/jobs`, { jobs: [note()] });
    expect(late).toMatchObject({ status: 409, body: { code: "batch_closed" } });
    await remove(`batches/${id}`);
    expect(await endOf(`batches/${id}`)).toMatchObject({ status: "cancelled" });
    expect(await post(`batches/${id}/jobs`, { jobs: [note()] })).toMatchObject({ status: 409 });
    const repeated = await post(`batches/${id}/jobs`, { jobs: [note("2"), note("3", LATER)] }, headers);
    expect([repeated.headers.get("idempotent-replayed"), repeated.body]).toEqual(["true", added.body]);
    expect(await post(`batches/${id}/jobs`, { jobs: [note()] }, { "idempotency-key": "late" })).toMatchObject({
      ...{ status: 409, body: { code: "batch_closed" } },
    });
  });

  it("also from a running job of it, when it is closed", async () => {
    const { id } = await created({ jobs: [note("first")] });
    const [running] = (await server.queue.claim(1_000_000, 1, ioSlots({ note: 1 }))).claimed;
    const added = await post(`batches/${id}/jobs?from=${running?.id ?? ""}`, { jobs: [note("2", LATER)] });
    expect([added.status, (await get(`batches/${id}`)).body["total"]]).toEqual([202, 2]);
    const other = "01890000-0000-7000-8000-000000000000";
    expect(await post(`batches/${id}/jobs?from=${other}`, { jobs: [note()] })).toMatchObject({
      ...{ status: 409, body: { code: "batch_closed" } },
    });
    const wrong = await post(`batches/${id}/jobs?from=x&y=1`, { jobs: [{ type: "note", payload: {} }] });
    expect(issuesOf(wrong).sort()).toEqual(["/from", "/jobs/0/payload/text", "/y"]);
    await remove(`batches/${id}`);
  });

  it("rejects additions to what is no batch", async () => {
    const nowhere = "01890000-0000-7000-8000-000000000000";
    const flow = (await post("flows", { jobs: { a: note("a", LATER) } })).body["id"];
    expect(await post("batches/x/jobs", { jobs: [note()] })).toMatchObject({
      ...{ status: 400, body: { code: "invalid_id" } },
    });
    for (const id of [nowhere, String(flow)]) {
      expect(await post(`batches/${id}/jobs`, { jobs: [note()] })).toMatchObject({
        ...{ status: 404, body: { code: "batch_not_found" } },
      });
      expect(await post(`batches/${id}/close`)).toMatchObject({ status: 404, body: { code: "batch_not_found" } });
    }
    await remove(`flows/${String(flow)}`);
  });
});

it("runs the failed jobs of a batch again", async () => {
  const { id } = await created({ jobs: [note("1"), note("2")] });
  await server.record(await server.finishNext("{}"), await server.failNext({ code: "broken", message: "it broke" }));
  expect(await endOf(`batches/${id}`)).toMatchObject({ status: "failed", counts: { completed: 1, failed: 1 } });
  expect(await post(`batches/${id}/retry`, { from: ["jobs"] })).toMatchObject({ status: 422 });
  expect(await post(`batches/${id}/retry`)).toMatchObject({
    ...{ status: 202, body: { id, status: "running", total: 2, counts: { completed: 1, unfinished: 1 } } },
  });
  await server.finishNext("{}");
  expect(await endOf(`batches/${id}`)).toMatchObject({ status: "completed", counts: { completed: 2, failed: 0 } });
});
