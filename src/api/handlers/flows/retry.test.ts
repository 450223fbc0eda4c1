import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../../testing/api-server.ts";
import { request, startApiServer } from "../../../testing/api-server.ts";
import { flowCalls, note } from "../../../testing/flow-calls.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const { get, post, endOf } = flowCalls(() => server);
const keyed = (...key: string[]) => ({ "idempotency-key": key.join("-") });

/** A flow or batch of one job, which has failed and is recorded. */
async function failed(path: "flows" | "batches"): Promise<{ readonly id: string; readonly job: string }> {
  const { body } = await post(path, path === "flows" ? { jobs: { a: note() } } : { jobs: [note()] });
  const id = String(body["id"]);
  const job = await server.failNext({ code: "broken", message: "it broke" });
  await server.record(job);
  await endOf(`${path}/${id}`);
  return { id, job: job.id };
}

const jobsOf = async (path: string): Promise<string[]> =>
  ((await get(`${path}/jobs`)).body["jobs"] as { id: string }[]).map(({ id }) => id);

describe.each(["flows", "batches"] as const)("POST /api/v1/%s/{id}/retry", (path) => {
  it("runs the jobs again once for the same Idempotency-Key", async () => {
    const { id, job } = await failed(path);
    const at = `${path}/${id}`;
    const first = await post(`${at}/retry`, undefined, keyed(path, "again"));
    expect([first.status, first.headers.get("idempotent-replayed")]).toEqual([202, null]);
    const again = await jobsOf(at);
    expect(again).not.toContain(job);
    const repeat = await post(`${at}/retry`, undefined, keyed(path, "again"));
    expect([repeat.status, repeat.headers.get("idempotent-replayed")]).toEqual([202, "true"]);
    expect([repeat.headers.get("location"), repeat.body]).toEqual([first.headers.get("location"), first.body]);
    expect(await post(`${at}/retry`, undefined, keyed(path, "other"))).toMatchObject({
      ...{ status: 409, body: { code: "flow_running" } },
    });
    await server.record(await server.failNext({ code: "broken", message: "it broke" }));
    await endOf(at);
    const late = await post(`${at}/retry`, undefined, keyed(path, "again"));
    expect([late.status, late.headers.get("idempotent-replayed")]).toEqual([202, "true"]);
    expect(late.body["status"]).toBe("failed");
    expect(await jobsOf(at)).toEqual(again);
    expect(await post(`${at}/retry`, undefined, keyed(path, "other"))).toMatchObject({ status: 202 });
    await server.finishNext("{}");
  });

  it("runs the jobs again once for requests at the same time", async () => {
    const { id } = await failed(path);
    const at = `${path}/${id}`;
    const answers = await Promise.all([1, 2, 3].map(() => post(`${at}/retry`, undefined, keyed(path, "together"))));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(answers.map(({ headers }) => headers.get("idempotent-replayed") ?? "").sort()).toEqual(["", "true", "true"]);
    await server.finishNext("{}");
    expect(await endOf(at)).toMatchObject({ status: "completed" });
  });

  it("rejects a key that is not valid, or was used for another retry", async () => {
    const { id } = await failed(path);
    expect(await post(`${path}/${id}/retry`, undefined, keyed("é"))).toMatchObject({
      ...{ status: 400, body: { code: "idempotency_key_invalid" } },
    });
    expect((await post(`${path}/${id}/retry`, undefined, keyed(path, "used"))).status).toBe(202);
    await server.finishNext("{}");
    const other = await failed(path);
    expect(await post(`${path}/${other.id}/retry`, undefined, keyed(path, "used"))).toMatchObject({
      ...{ status: 422, body: { code: "idempotency_key_reused" } },
    });
  });

  it("answers payload_erased for a job whose payload is erased", async () => {
    const { id, job } = await failed(path);
    expect((await request(server, "POST", `/api/v1/jobs/${job}/erase`)).status).toBe(200);
    expect(await post(`${path}/${id}/retry`)).toMatchObject({ status: 409, body: { code: "payload_erased" } });
  });
});

it("a retry from other nodes is another retry", async () => {
  const { id } = await failed("flows");
  expect((await post(`flows/${id}/retry`, undefined, keyed("from"))).status).toBe(202);
  expect(await post(`flows/${id}/retry`, { from: ["a"] }, keyed("from"))).toMatchObject({
    ...{ status: 422, body: { code: "idempotency_key_reused" } },
  });
  await server.finishNext("{}");
});

it("an erased result is not passed on to jobs of the flow that have not run", async () => {
  const { body } = await post("flows", {
    jobs: { a: note(), hold: note(), b: { ...note("${a.result.x}"), after: ["a", "hold"] } },
  });
  const flow = String(body["id"]);
  const done = await server.finishNext('{"x":"private"}');
  await server.record(done);
  expect((await server.queue.flows.results(flow, [0])).get(0)).toEqual({ result: '{"x":"private"}' });
  expect((await request(server, "POST", `/api/v1/jobs/${done.id}/erase`)).status).toBe(200);
  expect((await server.queue.flows.results(flow, [0])).get(0)).toEqual({});
  await request(server, "DELETE", `/api/v1/flows/${flow}`);
});
