import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { ownRedis } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const note = (fields: object = {}) => ({ type: "note", payload: { text: "hello" }, ...fields });
const post = (body: string | object, headers = {}) => request(server, "POST", "/api/v1/jobs", body, headers);
const postBatch = (body: string | object, headers = {}) => request(server, "POST", "/api/v1/jobs/batch", body, headers);

describe("POST /api/v1/jobs", () => {
  it("answers 202 with the whole job and its URL", async () => {
    const { status, headers, body } = await post(note({ priority: 7, tags: ["a"], group_key: "g", max_attempts: 2 }));
    expect(status).toBe(202);
    expect(headers.get("location")).toBe(`/api/v1/jobs/${String(body.id)}`);
    expect(headers.get("content-type")).toBe("application/json");
    const created = String(body.created_at);
    expect(Math.abs(Date.parse(created) - Date.now())).toBeLessThan(10_000);
    expect(body).toEqual({
      id: body.id,
      type: "note",
      status: "queued",
      priority: 7,
      durability: "redis",
      group_key: "g",
      payload: { text: "hello" },
      result: null,
      error: null,
      attempt: 0,
      max_attempts: 2,
      progress: null,
      tags: ["a"],
      retry_of: null,
      schedule: null,
      flow_id: null,
      batch_id: null,
      node: null,
      worker: null,
      run_at: null,
      expires_at: null,
      created_at: created,
      started_at: null,
      finished_at: null,
      erased_at: null,
    });
    expect((await request(server, "GET", String(headers.get("location")))).body).toEqual(body);
  });

  it("schedules a job that starts later", async () => {
    const { body } = await post(note({ delay_ms: 60_000 }));
    expect(body).toMatchObject({ status: "scheduled" });
    expect(Date.parse(String(body.run_at)) - Date.parse(String(body.created_at))).toBe(60_000);
  });

  it("keeps the digits and the order of a payload, and shows no secrets", async () => {
    const { text } = await post(
      `{"type":"note","payload":{"text":"a","more":[12345678901234567890,1e400],"secret":"s3","headers":{"Authorization":"Bearer x","X":"y","Accept":"z"}}}`,
    );
    expect(text).toContain(
      `"payload":{"text":"a","more":[12345678901234567890,1e400],"secret":"[redacted]","headers":{"Authorization":"[redacted]","X":"[redacted]","Accept":"z"}}`,
    );
  });

  it("lists all issues at once, in a problem document", async () => {
    const { status, headers, body } = await post({ type: "note", payload: { txt: "a" }, priority: 99, when: "now" });
    expect(status).toBe(422);
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(body).toEqual({
      type: "about:blank",
      title: "Unprocessable Entity",
      status: 422,
      code: "validation_failed",
      detail: "The request has 4 errors.",
      errors: [
        { path: "/when", message: "is not a known field" },
        { path: "/priority", message: "expected a number <= 9" },
        { path: "/payload/text", message: "is required" },
        { path: "/payload/txt", message: "is not a known field" },
      ],
    });
  });

  it.each([
    ["{", "application/json", 400, "malformed_json"],
    ["{}", "text/plain", 415, "unsupported_media_type"],
    ["{}", "application/x-ndjson", 415, "unsupported_media_type"],
    ["", "application/json", 400, "body_missing"],
    [JSON.stringify(note()), "Application/JSON; charset=utf-8", 202, undefined],
  ])("answers %j as %s with %i", async (body, type, status, code) => {
    expect(await post(body, { "content-type": type })).toMatchObject({
      status,
      ...(code !== undefined && { body: { code } }),
    });
  });

  it("accepts a large body for a type that allows it, and rejects it for another", async () => {
    const payload = { text: "x".repeat(1_500_000) };
    expect(await post({ type: "note", payload })).toMatchObject({
      status: 202,
      body: { payload: null, payload_omitted: true },
    });
    expect(await post({ type: "strict", payload: { fails: false, filler: payload.text } })).toMatchObject({
      status: 422,
    });
    const spaces = `{"type":"strict","payload":{"fails":false}${" ".repeat(1_500_000)}}`;
    expect(await post(spaces)).toMatchObject({ status: 413, body: { code: "body_too_large" } });
    expect(await post({ type: "note", payload: { text: "x".repeat(2_500_000) } })).toMatchObject({
      status: 413,
      body: { code: "body_too_large" },
    });
  });

  it("answers 500 if a type's own check throws, and logs it once", async () => {
    const logged = server.logged.length;
    const answer = await post({ type: "strict", payload: { fails: true } });
    expect(answer).toMatchObject({ status: 500, body: { code: "internal_error" } });
    expect(answer.text).not.toContain("deployment");
    expect(server.logged).toHaveLength(logged + 1);
  });

  it("counts submissions by outcome, and measures requests by route", async () => {
    const { text } = await request(server, "GET", "/metrics");
    expect(text).toMatch(/taskflow_submissions_total\{outcome="accepted"\} [1-9]/);
    expect(text).toMatch(/taskflow_submissions_total\{outcome="validation_failed"\} [1-9]/);
    expect(text).toMatch(/taskflow_http_seconds_count\{method="POST",route="\/api\/v1\/jobs",status="202"\} [1-9]/);
  });
});

describe("an Idempotency-Key", () => {
  it("replays the answer of the first job, and is rejected with another body", async () => {
    const body = note({ delay_ms: 500_000 });
    const first = await post(body, { "idempotency-key": "k1" });
    const again = await post(body, { "idempotency-key": "k1" });
    expect(first.headers.get("idempotent-replayed")).toBeNull();
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(again.status).toBe(202);
    expect(again.text).toBe(first.text);
    expect(again.headers.get("location")).toBe(first.headers.get("location"));
    expect(await post(note({ priority: 1 }), { "idempotency-key": "k1" })).toMatchObject({
      status: 422,
      body: { code: "idempotency_key_reused" },
    });
  });

  it("creates one job for two hundred concurrent requests", async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, () => post(note(), { "idempotency-key": "k2" })));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get("idempotent-replayed") === null)).toHaveLength(1);
  });

  it("is separate for each call, and covers a whole batch", async () => {
    const one = await post(note(), { "idempotency-key": "k3" });
    const batch = { jobs: [note(), note({ delay_ms: 60_000 })] };
    const first = await postBatch(batch, { "idempotency-key": "k3" });
    const again = await postBatch(batch, { "idempotency-key": "k3" });
    expect([one.status, first.status, again.status]).toEqual([202, 202, 202]);
    expect(again.text).toBe(first.text);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
  });

  it.each(["with space", "x".repeat(256), "schlüssel"])("of %.20s is rejected", async (key) => {
    expect(await post(note(), { "idempotency-key": key })).toMatchObject({
      status: 400,
      body: { code: "idempotency_key_invalid" },
    });
  });
});

describe("POST /api/v1/jobs/batch", () => {
  it("enqueues all jobs in their order", async () => {
    const { status, body } = await postBatch({ jobs: [note(), note({ delay_ms: 60_000 }), note()] });
    expect(status).toBe(202);
    const jobs = body.jobs as { id: string; status: string }[];
    expect(jobs.map((job) => job.status)).toEqual(["queued", "scheduled", "queued"]);
    expect(jobs.map(({ id }) => id)).toEqual(jobs.map(({ id }) => id).sort());
    expect(await server.queue.read(jobs.map(({ id }) => id))).toHaveLength(3);
  });

  it("accepts NDJSON, with ten thousand lines", async () => {
    const line = JSON.stringify({ type: "strict", payload: { fails: false } });
    const { status, body } = await postBatch(`${line}\n`.repeat(10_000), { "content-type": "application/x-ndjson" });
    expect(status).toBe(202);
    expect(body.jobs).toHaveLength(10_000);
  });

  it("enqueues nothing if one job is invalid", async () => {
    const before = (await server.queue.jobCounts()).accepted;
    const { status, body } = await postBatch({ jobs: [note(), note({ priority: 10 })] });
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ path: "/jobs/1/priority", message: "expected a number <= 9" }]);
    expect((await server.queue.jobCounts()).accepted).toBe(before);
  });

  it.each([
    [{ jobs: [] }, "application/json", 422, "validation_failed"],
    ["x", "text/csv", 415, "unsupported_media_type"],
    ["", "application/json", 400, "body_missing"],
    [" ".repeat(5_000_000), "application/json", 413, "body_too_large"],
  ])("rejects such a body (%#)", async (body, type, status, code) => {
    expect(await postBatch(body, { "content-type": type })).toMatchObject({ status, body: { code } });
  });
});

describe("without Redis", () => {
  it("answers 503 with Retry-After, and with the id if the outcome is unknown", async () => {
    const redis = await ownRedis();
    const own = await startApiServer({ redis: redis.address });
    const submit = () => request(own, "POST", "/api/v1/jobs", note());
    const submitTwo = () => request(own, "POST", "/api/v1/jobs/batch", { jobs: [note(), note()] });
    redis.pause();
    const [unknown, unknownBatch] = await Promise.all([submit(), submitTwo()]);
    expect(unknown).toMatchObject({
      status: 503,
      body: { code: "outcome_unknown", id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown },
    });
    expect(unknown.headers.get("retry-after")).toBe("2");
    expect(unknownBatch.body.ids).toHaveLength(2);
    redis.resume();
    await redis.kill();
    await until(async () => (await submit()).body.code === "queue_unavailable", { what: "submissions are rejected" });
    const rejected = await submit();
    expect(rejected).toMatchObject({ status: 503, body: { code: "queue_unavailable" } });
    expect(rejected.headers.get("retry-after")).toBe("2");
    expect(await request(own, "GET", "/api/v1/stats")).toMatchObject({ status: 503 });
    expect(await request(own, "GET", "/api/v1/health")).toMatchObject({
      status: 503,
      body: { status: "degraded", checks: { redis: { status: "degraded" } } },
    });
    await own.close();
  });
});

describe("a server that drains", () => {
  it("rejects submissions and is not ready, but serves reads", async () => {
    const own = await startApiServer();
    expect(await request(own, "GET", "/api/v1/health/ready")).toMatchObject({ status: 200 });
    own.server.stopAccepting();
    const rejected = await request(own, "POST", "/api/v1/jobs", note());
    expect(rejected).toMatchObject({ status: 503, body: { code: "draining" } });
    expect(rejected.headers.get("retry-after")).toBe("2");
    expect(rejected.headers.get("connection")).toBe("close");
    expect(await request(own, "GET", "/api/v1/health/ready")).toMatchObject({
      status: 503,
      body: { code: "draining" },
    });
    expect(await request(own, "GET", "/api/v1/stats")).toMatchObject({ status: 200 });
    await own.close();
  });
});
