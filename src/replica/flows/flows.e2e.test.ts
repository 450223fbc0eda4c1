/** Flows and batches of three replicas, over the API, with real job types. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at } from "../../core/at.ts";
import { flowEnded, getFlow, jobOf, statuses, submitFlow } from "../../testing/flow-api.ts";
import { answer, HttpPeer } from "../../testing/http-peer.ts";
import type { ApiJob, TestReplica } from "../../testing/replica.ts";
import { call, jobWhen, startReplica } from "../../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";

const RETURN = (value: unknown, fields: object = {}): object => ({
  type: "test_io",
  payload: { do: "return", value },
  ...fields,
});
const FAIL = { type: "test_io", payload: { do: "fail", times: 99 }, max_attempts: 1 };

let replicas: TestReplica[];
let any: TestReplica;
let http: HttpPeer;
let database: pg.Client;

beforeAll(async () => {
  const [{ address }, { url }] = await Promise.all([freshRedis(), freshDatabase()]);
  http = await HttpPeer.start();
  const artifacts = tempDir();
  const env = { OUTBOUND_ALLOW_PRIVATE: "true", RETRY_BASE_MS: "10", RETRY_MAX_MS: "10" };
  replicas = [];
  for (let i = 0; i < 3; i += 1) replicas.push(await startReplica({ redis: address, database: url, artifacts, env }));
  [any] = replicas as [TestReplica];
  database = new pg.Client({ connectionString: url });
  await database.connect();
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await Promise.all([http.close(), database.end()]);
});

/** How often the peer was called on a path. */
const callsOf = (path: string): number => http.requests.filter((request) => request.path === path).length;

/** What the row of a job stores. */
async function rowOf(id: string): Promise<{ payload: unknown; options: Record<string, unknown> }> {
  return until(
    async () =>
      (
        await database.query<{ payload: unknown; options: Record<string, unknown> }>(
          "select payload, options from jobs where id = $1",
          [id],
        )
      ).rows[0],
    { what: `the job ${id} has a row` },
  );
}

describe("a flow", () => {
  it("passes results on, and runs clean-up after all", async () => {
    const id = await submitFlow(any, "flows", {
      name: "order",
      jobs: {
        export: {
          type: "data_export",
          payload: { format: "csv", source: { rows: [{ a: 1 }] }, filename: "order.csv" },
        },
        thumbs: { batch: [RETURN("a"), RETURN("b")] },
        hook: {
          type: "webhook",
          after: ["export", "thumbs"],
          payload: {
            url: http.url("/hook"),
            body: { file: { $ref: "export/result/artifact" }, text: `rows: \${export.result.rows}` },
          },
        },
        tidy: { type: "webhook", after: ["hook"], when: "ended", payload: { url: http.url("/tidy") } },
      },
    });
    const flow = await flowEnded(any, id);
    expect(flow.status).toBe("completed");
    expect(statuses(flow)).toEqual({ export: "completed", thumbs: "completed", hook: "completed", tidy: "completed" });
    const sent = http.requests.find(({ path }) => path === "/hook");
    expect(JSON.parse(sent?.body.toString() ?? "")).toMatchObject({ text: "rows: 1" });
    expect([callsOf("/hook"), callsOf("/tidy")]).toEqual([1, 1]);
    // the row of the flow replaces what Redis had
    const row = await until(
      async () => (await database.query<{ status: string }>("select status from flows where id = $1", [id])).rows[0],
      { what: "the flow has a row" },
    );
    expect(row.status).toBe("completed");
    expect(await getFlow(any, "flows", id)).toMatchObject({ status: "completed" });
  });

  it("stores the payload that ran, and the one with references", async () => {
    const big = "x".repeat(60_000);
    const id = await submitFlow(any, "flows", {
      jobs: {
        first: RETURN({ small: 7, big, list: [1, { deep: "z" }] }),
        io: { ...RETURN({ $ref: "first/result/small" }), after: ["first"] },
        large: { ...RETURN({ $ref: "first/result/big" }), after: ["first"] },
        cpu: {
          type: "test_cpu",
          payload: { do: "return", value: { $ref: "first/result/list/1/deep" } },
          after: ["first"],
        },
        // larger than what the main thread parses
        huge: {
          type: "test_io",
          payload: { do: "return", value: { $ref: "first/result/small" }, filler: "y".repeat(300_000) },
          after: ["first"],
        },
      },
    });
    const flow = await flowEnded(any, id);
    expect(flow.status).toBe("completed");
    const results = await Promise.all(["io", "large", "cpu", "huge"].map((node) => jobOf(any, flow, node)));
    expect(results.map(({ result }) => result)).toEqual([7, big, "z", 7]);
    const [io, huge] = await Promise.all([rowOf(at(results, 0).id), rowOf(at(results, 3).id)]);
    expect(io.payload).toEqual({ do: "return", value: 7 });
    expect(JSON.parse(String(io.options["template"]))).toEqual({ do: "return", value: { $ref: "first/result/small" } });
    expect(huge.payload).toMatchObject({ value: 7 });
  });

  it("fails a job whose references are missing, or make its payload invalid", async () => {
    const id = await submitFlow(any, "flows", {
      jobs: {
        first: RETURN({ text: "no address" }),
        missing: { ...RETURN({ $ref: "first/result/none" }), after: ["first"] },
        invalid: { type: "webhook", payload: { url: { $ref: "first/result/text" } }, after: ["first"] },
        hidden: { type: "data_export", payload: { format: "csv", source: { $ref: "first/result" } }, after: ["first"] },
      },
    });
    const flow = await flowEnded(any, id);
    const errors = await Promise.all(
      ["missing", "invalid", "hidden"].map(async (node) => (await jobOf(any, flow, node)).error?.code),
    );
    expect(errors).toEqual(["reference_missing", "payload_invalid", "payload_invalid"]);
  });

  it("cancels what can no longer run, and runs what waits for a failure", async () => {
    const id = await submitFlow(any, "flows", {
      jobs: {
        bad: FAIL,
        next: { ...RETURN(1), after: ["bad"] },
        last: { ...RETURN(1), after: ["next"] },
        alarm: { ...RETURN(1), after: ["bad"], when: "failed" },
        calm: { ...RETURN(1), after: ["alarm"], when: "failed" },
        tidy: { ...RETURN(1), after: ["last"], when: "ended" },
      },
    });
    const flow = await flowEnded(any, id);
    expect(flow.status).toBe("failed");
    expect(statuses(flow)).toEqual({
      bad: "failed",
      next: "cancelled",
      last: "cancelled",
      alarm: "completed",
      calm: "skipped",
      tidy: "completed",
    });
    const [last, calm] = await Promise.all([jobOf(any, flow, "last"), jobOf(any, flow, "calm")]);
    expect([last.status, last.error?.code, calm.status, calm.error?.code]).toEqual([
      "cancelled",
      "dependency_failed",
      "cancelled",
      "not_needed",
    ]);
    expect(last.error?.message).toContain(flow.jobs["bad"]?.job_id ?? "");
  });

  it("stops at a failure, except for clean-up", async () => {
    const id = await submitFlow(any, "flows", {
      on_failure: "stop",
      jobs: {
        long: { type: "test_io", payload: { do: "sleep", ms: 60_000 } },
        bad: FAIL,
        next: { ...RETURN(1), after: ["long"] },
        tidy: { ...RETURN(1), after: ["long", "bad"], when: "ended" },
      },
    });
    const flow = await flowEnded(any, id);
    expect(flow.status).toBe("failed");
    expect(statuses(flow)).toEqual({ long: "cancelled", bad: "failed", next: "cancelled", tidy: "completed" });
  });

  it("is cancelled as a whole", async () => {
    const id = await submitFlow(any, "flows", {
      jobs: {
        long: { type: "test_io", payload: { do: "sleep", ms: 60_000 } },
        next: { ...RETURN(1), after: ["long"] },
        tidy: { ...RETURN(1), after: ["next"], when: "ended" },
      },
    });
    const { jobs } = await getFlow(any, "flows", id);
    await jobWhen(any, jobs["long"]?.job_id ?? "", "running");
    expect((await call(at(replicas, 1), "DELETE", `/api/v1/flows/${id}`)).status).toBe(202);
    const flow = await flowEnded(any, id);
    expect([flow.status, statuses(flow)]).toEqual([
      "cancelled",
      { long: "cancelled", next: "cancelled", tidy: "cancelled" },
    ]);
  });

  it("runs the failed part again, with the results of the rest", async () => {
    const path = "/again";
    let status = 400;
    http.respond((request) => answer(request.path === path ? status : 200));
    const id = await submitFlow(any, "flows", {
      jobs: {
        first: RETURN({ n: 5 }),
        hook: {
          type: "webhook",
          after: ["first"],
          max_attempts: 1,
          payload: { url: http.url(path), body: { $ref: "first/result/n" } },
        },
        last: { ...RETURN({ $ref: "first/result/n" }), after: ["hook"] },
      },
    });
    const failed = await flowEnded(any, id);
    expect(statuses(failed)).toEqual({ first: "completed", hook: "failed", last: "cancelled" });
    status = 200;
    const retried = await call(any, "POST", `/api/v1/flows/${id}/retry`);
    expect(retried.status).toBe(202);
    const flow = await flowEnded(any, id);
    expect([flow.status, statuses(flow)]).toEqual([
      "completed",
      { first: "completed", hook: "completed", last: "completed" },
    ]);
    expect(flow.jobs["first"]?.job_id).toBe(failed.jobs["first"]?.job_id);
    expect(await jobOf(any, flow, "last")).toMatchObject({ result: 5, retry_of: failed.jobs["last"]?.job_id });
    expect((await call(any, "POST", `/api/v1/flows/${id}/retry`)).status).toBe(409);
  });
});

describe("a batch", () => {
  it("calls back once after the last of its 10,000 jobs", async () => {
    const jobs = Array.from({ length: 10_000 }, () => ({ type: "noop", payload: {} }));
    const id = await submitFlow(any, "batches", {
      jobs,
      on_success: { type: "webhook", payload: { url: http.url("/all"), body: { $ref: "result" } } },
      on_complete: { type: "webhook", payload: { url: http.url("/complete") } },
      on_first_failure: { type: "webhook", payload: { url: http.url("/first") } },
    });
    const batch = await flowEnded(any, id, "batches", 120_000);
    expect(batch).toMatchObject({ status: "completed", total: 10_000, counts: { completed: 10_000 } });
    expect([callsOf("/all"), callsOf("/complete"), callsOf("/first")]).toEqual([1, 1, 0]);
    const body = http.requests.find(({ path }) => path === "/all")?.body.toString() ?? "";
    expect(JSON.parse(body)).toMatchObject({ total: 10_000, completed: 10_000, failed: 0, cancelled: 0 });
  }, 180_000);

  it("reports its first failure at once, and ends as an empty one at once", async () => {
    const id = await submitFlow(any, "batches", {
      jobs: [FAIL, RETURN(1)],
      on_complete: RETURN({ failed: "${error.code}" }),
      on_first_failure: RETURN({ $ref: "error" }),
    });
    const batch = await flowEnded(any, id, "batches");
    expect(batch).toMatchObject({ status: "failed", counts: { completed: 1, failed: 1 } });
    const first = (await call(any, "GET", `/api/v1/jobs/${batch.callbacks["on_first_failure"]}`)).body as ApiJob;
    expect(first.status).toBe("completed");
    const empty = await submitFlow(any, "batches", { jobs: [], on_complete: RETURN(1) });
    expect(await flowEnded(any, empty, "batches")).toMatchObject({ status: "completed", total: 0 });
  });

  it("runs its failed jobs again, and then its callbacks", async () => {
    let status = 400;
    http.respond((request) => answer(request.path === "/flaky" ? status : 200));
    const hook = (path: string): object => ({ type: "webhook", max_attempts: 1, payload: { url: http.url(path) } });
    const id = await submitFlow(any, "batches", {
      jobs: [RETURN(1), hook("/flaky"), RETURN(2)],
      on_success: hook("/good"),
      on_complete: hook("/over"),
    });
    expect(await flowEnded(any, id, "batches")).toMatchObject({
      status: "failed",
      counts: { completed: 2, failed: 1 },
    });
    expect([callsOf("/good"), callsOf("/over")]).toEqual([0, 1]);
    status = 200;
    expect((await call(any, "POST", `/api/v1/batches/${id}/retry`)).status).toBe(202);
    const batch = await flowEnded(any, id, "batches");
    expect(batch).toMatchObject({ status: "completed", total: 3, counts: { completed: 3, failed: 0 } });
    expect([callsOf("/flaky"), callsOf("/good"), callsOf("/over")]).toEqual([2, 1, 2]);
    const { body } = await call(any, "GET", `/api/v1/batches/${id}/jobs`);
    expect((body as { jobs: ApiJob[] }).jobs.map((job) => job.status)).toEqual(["completed", "completed", "completed"]);
  });

  it("takes more jobs while it is open", async () => {
    const id = await submitFlow(any, "batches", { jobs: [RETURN(1)], open: true, on_complete: RETURN(1) });
    const added = await call(at(replicas, 1), "POST", `/api/v1/batches/${id}/jobs`, { jobs: [RETURN(2), RETURN(3)] });
    expect(added.status).toBe(202);
    expect((await call(any, "POST", `/api/v1/batches/${id}/close`)).status).toBe(200);
    expect(await flowEnded(any, id, "batches")).toMatchObject({ status: "completed", total: 3 });
    const late = await call(any, "POST", `/api/v1/batches/${id}/jobs`, { jobs: [RETURN(2)] });
    expect([late.status, (late.body as { code: string }).code]).toEqual([409, "batch_closed"]);
  });
});

it("runs `then` after a job, and `on_failure` after its failure", async () => {
  const submitted = async (job: object): Promise<string> =>
    ((await call(any, "POST", "/api/v1/jobs", job)).body as { flow_id: string }).flow_id;
  const good = await submitted({
    ...RETURN({ link: "x" }),
    then: [RETURN("${result.link}!")],
    on_failure: [RETURN(2)],
  });
  const bad = await submitted({ ...FAIL, then: [RETURN(1)], on_failure: [RETURN({ $ref: "error/code" })] });
  const [well, ill] = await Promise.all([flowEnded(any, good), flowEnded(any, bad)]);
  expect([statuses(well), statuses(ill)]).toEqual([
    { job: "completed", then: "completed", on_failure: "skipped" },
    { job: "failed", then: "cancelled", on_failure: "completed" },
  ]);
  expect((await jobOf(any, well, "then")).result).toBe("x!");
  expect((await jobOf(any, ill, "on_failure")).result).toBe("test_failure");
});
