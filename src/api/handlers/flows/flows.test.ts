import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../../testing/api-server.ts";
import { request, startApiServer } from "../../../testing/api-server.ts";
import { flowCalls, issuesOf, LATER, note } from "../../../testing/flow-calls.ts";

interface Node {
  readonly status: string;
  readonly job_id: string | null;
  readonly counts: Record<string, number> | null;
}
interface FlowBody {
  readonly id: string;
  readonly status: string;
  readonly jobs: Record<string, Node>;
}

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const { get, post, remove, endOf } = flowCalls(() => server);
const submitted = async (body: object): Promise<FlowBody> => (await post("flows", body)).body as unknown as FlowBody;

describe("POST /api/v1/flows", () => {
  it("accepts a flow as a whole, and shows its nodes as they run", async () => {
    const made = await post("flows", {
      name: "order-1",
      jobs: {
        export: note(),
        thumbs: { batch: [note("b"), note("c")], max_failures: 1 },
        mail: { ...note("${export.result.rows} rows"), after: ["export", "thumbs"] },
        tidy: { ...note(), after: ["mail"], when: "ended" },
      },
    });
    const flow = made.body as unknown as FlowBody;
    expect([made.status, made.headers.get("location")]).toEqual([202, `/api/v1/flows/${flow.id}`]);
    expect(flow).toMatchObject({
      ...{ kind: "flow", name: "order-1", status: "running", on_failure: "finish", nodes: 4, finished_at: null },
      totals: { total: 5, waiting: 2, unfinished: 3, completed: 0, failed: 0, cancelled: 0 },
      jobs: {
        export: { type: "note", when: "succeeded", after: [], status: "running", counts: null, cause: null },
        thumbs: { type: null, job_id: null, status: "running", counts: { waiting: 0, unfinished: 2 } },
        mail: { after: ["export", "thumbs"], status: "waiting" },
        tidy: { when: "ended", status: "waiting" },
      },
    });
    expect((await get(`flows/${flow.id}`)).body).toEqual(flow);
    expect((await get(`jobs/${flow.jobs["mail"]?.job_id ?? ""}`)).body).toMatchObject({
      ...{ status: "waiting", flow_id: flow.id, batch_id: null, node: "mail" },
    });
    for (let n = 0; n < 3; n += 1) await server.finishNext('{"rows":7}');
    expect((await get(`flows/${flow.id}`)).body).toMatchObject({
      totals: { waiting: 1, unfinished: 1, completed: 3 },
      jobs: { thumbs: { status: "completed" }, mail: { status: "running" }, tidy: { status: "waiting" } },
    });
    await server.finishNext("{}");
    await server.finishNext("{}");
    expect(await endOf(`flows/${flow.id}`)).toMatchObject({
      status: "completed",
      finished_at: expect.any(String) as string,
      totals: { total: 5, completed: 5 },
    });
  });

  it("lists the issues of all nodes at once, and enqueues nothing", async () => {
    const rejected = await post("flows", {
      on_failure: "explode",
      jobs: {
        a: note("a", { after: ["b"] }),
        b: note("b", { after: ["a"] }),
        c: { type: "note", payload: {}, after: ["nobody"] },
        "d e": note(),
        e: { batch: [note(), { type: "nothing", payload: {} }] },
        f: note("${later.result.x}"),
        g: note("a", { then: [note()] }),
      },
    });
    expect(rejected.status).toBe(422);
    expect(issuesOf(rejected)).toEqual(
      expect.arrayContaining([
        ...["/on_failure", "/jobs/c/payload/text", "/jobs/c/after/0", "/jobs/d e", "/jobs/e/batch/1/type"],
        ...["/jobs/f/payload/text", "/jobs/g/then"],
      ]),
    );
    for (const body of ["{", "[]", "null", '{"jobs":{}}', '{"jobs":[]}', "5"])
      expect([body, (await post("flows", body)).status]).toEqual([body, body === "{" ? 400 : 422]);
    expect((await get("flows?name=never")).body).toEqual({ flows: [], next_cursor: null });
  });

  it("repeats the answer for the same Idempotency-Key, and rejects another body", async () => {
    const headers = { "idempotency-key": "flow-1" };
    const body = { jobs: { a: note("a", LATER), b: note("b", { after: ["a"] }) } };
    const first = await post("flows", body, headers);
    const second = await post("flows", body, headers);
    expect([second.status, second.headers.get("idempotent-replayed"), second.headers.get("location")]).toEqual([
      ...[202, "true", first.headers.get("location")],
    ]);
    expect(second.body).toEqual(first.body);
    expect(await post("flows", { jobs: { a: note() } }, headers)).toMatchObject({
      status: 422,
      body: { code: "idempotency_key_reused" },
    });
    await remove(`flows/${String(first.body["id"])}`);
  });

  it("takes a large body", async () => {
    const text = "x".repeat(300_000);
    const flow = await submitted({ jobs: { a: note(text, LATER), b: note(text, { after: ["a"] }) } });
    expect(flow).toMatchObject({ jobs: { b: { status: "waiting" } } });
    await remove(`flows/${flow.id}`);
  });
});

describe("a flow that exists", () => {
  it("is cancelled with every job, once", async () => {
    const { id, jobs } = await submitted({
      jobs: { a: note("a", LATER), b: note("b", { after: ["a"], when: "ended" }) },
    });
    expect((await remove(`flows/${id}`)).status).toBe(202);
    expect(await endOf(`flows/${id}`)).toMatchObject({ status: "cancelled", totals: { cancelled: 2 } });
    expect(await remove(`flows/${id}`)).toMatchObject({ status: 200, body: { id, status: "cancelled" } });
    expect((await get(`jobs/${jobs["b"]?.job_id ?? ""}`)).body).toMatchObject({ status: "cancelled" });
  });

  it("is not cancelled or found once it has ended, or was never there", async () => {
    const { id } = await submitted({ jobs: { a: note() } });
    expect(await post(`flows/${id}/retry`)).toMatchObject({ status: 409, body: { code: "flow_running" } });
    await server.finishNext("{}");
    await endOf(`flows/${id}`);
    expect(await remove(`flows/${id}`)).toMatchObject({ status: 409, body: { code: "flow_finished" } });
    expect(await post(`flows/${id}/retry`)).toMatchObject({ status: 409, body: { code: "nothing_to_retry" } });
    const nowhere = "01890000-0000-7000-8000-000000000000";
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/jobs"],
      ["GET", "/events"],
      ["DELETE", ""],
      ["POST", "/retry"],
    ] as const) {
      expect(await request(server, method, `/api/v1/flows/${nowhere}${path}`)).toMatchObject({
        ...{ status: 404, body: { code: "flow_not_found" } },
      });
      expect(await request(server, method, `/api/v1/batches/${id}${path}`)).toMatchObject({
        ...{ status: 404, body: { code: "batch_not_found" } },
      });
      expect(await request(server, method, `/api/v1/flows/x${path}`)).toMatchObject({ status: 400 });
    }
  });

  it("runs its failed part again", async () => {
    const { id, jobs } = await submitted({ jobs: { a: note(), b: note("b", { after: ["a"] }) } });
    const failed = await server.failNext({ code: "broken", message: "it broke" });
    await server.record(failed);
    expect(await endOf(`flows/${id}`)).toMatchObject({ status: "failed", jobs: { b: { cause: failed.id } } });
    await server.record(...server.cancelled.splice(0));
    expect(await post(`flows/${id}/retry`, { from: ["a", "nobody"] })).toMatchObject({
      status: 422,
      body: { errors: [{ path: "/from/1", message: "is not a node of this flow" }] },
    });
    const retried = await post(`flows/${id}/retry`, { from: ["a"] });
    expect(retried).toMatchObject({ status: 202, body: { id, status: "running", jobs: { b: { status: "waiting" } } } });
    const again = (retried.body as unknown as FlowBody).jobs["a"]?.job_id ?? "";
    expect((await get(`jobs/${again}`)).body).toMatchObject({ retry_of: jobs["a"]?.job_id, flow_id: id });
    await server.finishNext("{}");
    await server.finishNext("{}");
    expect(await endOf(`flows/${id}`)).toMatchObject({ status: "completed" });
  });

  it("lists its jobs in order, by page, node and status", async () => {
    const { id, jobs } = await submitted({
      jobs: {
        a: note("a", LATER),
        many: { batch: [note("1", LATER), note("2", LATER)] },
        c: note("c", { after: ["a"] }),
      },
    });
    const all = (await get(`flows/${id}/jobs`)).body as { jobs: { id: string; node: string }[]; next_cursor: null };
    expect(all.jobs.map(({ node }) => node)).toEqual(["a", "many", "many", "c"]);
    expect(all.next_cursor).toBeNull();
    const first = (await get(`flows/${id}/jobs?limit=3`)).body as { jobs: unknown[]; next_cursor: string };
    expect(first.jobs).toEqual(all.jobs.slice(0, 3));
    expect((await get(`flows/${id}/jobs?limit=3&cursor=${first.next_cursor}`)).body).toMatchObject({
      jobs: [{ id: jobs["c"]?.job_id }],
      next_cursor: null,
    });
    expect((await get(`flows/${id}/jobs?node=many&view=summary`)).body["jobs"]).toHaveLength(2);
    expect((await get(`flows/${id}/jobs?status=waiting`)).body).toMatchObject({ jobs: [{ node: "c" }] });
    const wrong = await get(`flows/${id}/jobs?status=odd&limit=0&cursor=x&view=z&other=1`);
    expect(issuesOf(wrong).sort()).toEqual(["/cursor", "/limit", "/other", "/status", "/view"]);
    expect(issuesOf(await get(`flows/${id}/jobs?node=nobody`))).toEqual(["/node"]);
    await remove(`flows/${id}`);
  });

  it("is in the list, by kind, status and name", async () => {
    const { id } = await submitted({ name: "listed", jobs: { a: note("a", LATER) } });
    const { id: batch } = (await post("batches", { name: "listed", jobs: [note("b", LATER)] })).body;
    const list = async (query: string) => ((await get(query)).body["flows"] as { id: string }[]).map((one) => one.id);
    expect(await list("flows?name=listed&status=running")).toEqual([batch, id]);
    expect(await list("flows?name=listed&kind=flow,then")).toEqual([id]);
    expect((await get("flows?name=listed&kind=batch")).body).toMatchObject({
      flows: [{ id: batch, kind: "batch", nodes: 1, totals: { total: 1 } }],
    });
    expect((await get("batches?name=listed")).body).toMatchObject({ batches: [{ id: batch, total: 1 }] });
    expect(issuesOf(await get("flows?kind=odd&status=odd&name=&limit=x"))).toEqual(
      expect.arrayContaining(["/kind", "/status", "/name", "/limit"]),
    );
    await remove(`flows/${id}`);
    await remove(`batches/${String(batch)}`);
  });
});

describe("a job of a flow", () => {
  it("explains what it waits for, and does not run now", async () => {
    const { id, jobs } = await submitted({
      jobs: { a: note("a", LATER), b: note("b", { after: ["a"] }), c: note("c", { after: ["b"] }) },
    });
    const [a = "", b = "", c = ""] = Object.values(jobs).map((node) => node.job_id ?? "");
    expect((await get(`jobs/${b}/why`)).body).toEqual({
      ...{ reason: "waiting_for", detail: "It waits for nodes of its flow: a.", until: null, position: null },
      waiting_for: [{ node: "a", job_id: a, status: "running" }],
    });
    expect((await get(`jobs/${c}/why`)).body).toMatchObject({ waiting_for: [{ node: "b", status: "waiting" }] });
    expect((await get(`jobs/${a}/why`)).body).toMatchObject({ reason: "scheduled", waiting_for: [] });
    expect(await post(`jobs/${b}/run`)).toMatchObject({ status: 409, body: { code: "job_waiting" } });
    expect(await request(server, "PATCH", `/api/v1/jobs/${b}`, { priority: 9 })).toMatchObject({
      status: 200,
      body: { status: "waiting", priority: 9 },
    });
    await remove(`flows/${id}`);
  });

  it("keeps a payload with references", async () => {
    const { id, jobs } = await submitted({ jobs: { a: note("a", LATER), b: note("${a.result.x}", { after: ["a"] }) } });
    const b = jobs["b"]?.job_id ?? "";
    expect(await request(server, "PATCH", `/api/v1/jobs/${b}`, { payload: { text: "other" } })).toMatchObject({
      status: 409,
      body: { code: "payload_with_references" },
    });
    expect((await request(server, "PATCH", `/api/v1/jobs/${b}`, { priority: 1 })).status).toBe(200);
    await remove(`flows/${id}`);
  });

  it("is retried with its flow, or alone if the caller asks for that", async () => {
    const { id } = await submitted({ jobs: { a: note(), b: note("${a.result.x}", { after: ["a"] }) } });
    const failed = await server.failNext({ code: "broken", message: "it broke" });
    const ended = (await endOf(`flows/${id}`)) as unknown as FlowBody;
    expect(await post(`jobs/${failed.id}/retry`)).toMatchObject({
      status: 409,
      body: { code: "flow_member", detail: expect.stringContaining(`/api/v1/flows/${id}/retry`) as string },
    });
    expect(await post(`jobs/${failed.id}/retry?alone=maybe`)).toMatchObject({ status: 422 });
    const alone = await post(`jobs/${failed.id}/retry?alone=true`);
    expect(alone).toMatchObject({ status: 202, body: { retry_of: failed.id, flow_id: null, node: null } });
    expect(await post(`jobs/${ended.jobs["b"]?.job_id ?? ""}/retry?alone=true`)).toMatchObject({
      status: 409,
      body: { code: "job_not_retryable" },
    });
    await server.finishNext("{}");
  });
});
