import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../../testing/api-server.ts";
import { startApiServer } from "../../../testing/api-server.ts";
import { flowCalls, issuesOf, note } from "../../../testing/flow-calls.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const { get, post, remove, endOf } = flowCalls(() => server);

describe("POST /api/v1/jobs with then and on_failure", () => {
  const chain = { ...note(), then: [note("${result.link}")], on_failure: [note("${error.message}")] };

  it("answers with the job, which belongs to a flow", async () => {
    const made = await post("jobs", chain, { "idempotency-key": "then-1" });
    expect(made).toMatchObject({ status: 202, body: { type: "note", status: "queued", node: "job" } });
    const { id, flow_id: flow } = made.body;
    expect(made.headers.get("location")).toBe(`/api/v1/jobs/${String(id)}`);
    const repeat = await post("jobs", chain, { "idempotency-key": "then-1" });
    expect([repeat.headers.get("idempotent-replayed"), repeat.body]).toEqual(["true", made.body]);
    expect((await get(`flows/${String(flow)}`)).body).toMatchObject({
      kind: "then",
      jobs: { job: { job_id: id }, then: { status: "waiting" }, on_failure: { when: "failed", status: "waiting" } },
    });
    await server.finishNext('{"link":"x"}');
    await server.finishNext("{}");
    expect(await endOf(`flows/${String(flow)}`)).toMatchObject({
      status: "completed",
      jobs: { then: { status: "completed" }, on_failure: { status: "skipped" } },
    });
  });

  it("shows the same time in a repeated answer, if the job is delayed", async () => {
    const delayed = { ...chain, delay_ms: 3_600_000 };
    const made = await post("jobs", delayed, { "idempotency-key": "then-2" });
    const repeat = await post("jobs", delayed, { "idempotency-key": "then-2" });
    expect(repeat.body).toEqual(made.body);
    expect((await get(`jobs/${String(made.body["id"])}`)).body).toEqual(made.body);
    await remove(`flows/${String(made.body["flow_id"])}`);
  });

  it("waits for the job, not for those after it", async () => {
    const waited = post("jobs?wait=60", chain);
    await server.finishNext('{"link":"y"}');
    expect(await waited).toMatchObject({ status: 200, body: { status: "completed", result: { link: "y" } } });
    await server.finishNext("{}");
  });

  it("lists all issues, and accepts neither in a batch", async () => {
    const rejected = await post("jobs?odd=1", { ...note(), then: [{ type: "nothing", payload: {} }], on_failure: [] });
    expect(issuesOf(rejected).sort()).toEqual(["/odd", "/on_failure", "/then/0/type"]);
    expect(issuesOf(await post("jobs/batch", { jobs: [chain] }))).toEqual(["/jobs/0/then", "/jobs/0/on_failure"]);
  });
});
