/** `PATCH /api/v1/jobs/{id}`, `POST …/run` and `POST …/cancel`. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";

const UNKNOWN = "01890000-0000-7000-8000-000000000000";
const FAR = "2027-06-01T00:00:00.000Z";
const MERGE_PATCH = { "content-type": "application/merge-patch+json; charset=utf-8" };

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

async function submit(fields: object = {}): Promise<string> {
  const given = { type: "note", payload: { text: "hello" }, delay_ms: 3_600_000, ...fields };
  return String((await request(server, "POST", "/api/v1/jobs", given)).body.id);
}
const patch = (id: string, body: string | object, headers = {}) =>
  request(server, "PATCH", `/api/v1/jobs/${id}`, body, headers);
const post = (id: string, path: string) => request(server, "POST", `/api/v1/jobs/${id}/${path}`);
const get = (id: string) => request(server, "GET", `/api/v1/jobs/${id}`);

describe("PATCH", () => {
  it("changes what it names, and shows the job as a read does", async () => {
    const id = await submit({ tags: ["a"], payload: { text: "a", more: [1] } });
    const body = `{"priority":9,"tags":null,"run_at":"${FAR}","payload":{"text":"b","more":{"n":1.0}}}`;
    const answer = await patch(id, body, MERGE_PATCH);
    expect(answer).toMatchObject({ status: 200, body: { status: "scheduled", priority: 9, tags: [], run_at: FAR } });
    expect(answer.text).toContain(`"payload":{"text":"b","more":{"n":1.0}}`);
    expect((await get(id)).text).toBe(answer.text);
    expect(await patch(id, { run_at: null })).toMatchObject({ status: 200, body: { status: "queued", run_at: null } });
    expect((await patch(id, {})).text).toBe((await get(id)).text);
    for (const expires_at of [FAR, null]) {
      expect(await patch(id, { expires_at })).toMatchObject({ status: 200, body: { expires_at } });
      expect((await get(id)).body).toMatchObject({ expires_at });
    }
    await post(id, "cancel");
  });

  it("merges large payloads, and keeps secrets that it does not name", async () => {
    const text = "x".repeat(300_000);
    const id = await submit({ payload: { text, secret: "s3cret" } });
    expect((await patch(id, { payload: { more: 1 } })).status).toBe(200);
    expect((await patch(id, { payload: { more: 2, secret: "[redacted]" } })).status).toBe(200);
    const [job] = await server.queue.read([id]);
    const { size } = job?.payload as { size: number };
    expect(JSON.parse(String(await server.queue.payload(id, size)))).toEqual({ text, secret: "s3cret", more: 2 });
    expect((await patch(id, { payload: { text: "y" } })).status).toBe(200);
    expect(await server.queue.read([id])).toMatchObject([{ payload: `{"text":"y","secret":"s3cret","more":2}` }]);
    expect(await patch(id, { payload: { text: "z".repeat(2 * 1024 * 1024) } })).toMatchObject({ status: 413 });
  });

  it("rejects what it cannot do, and changes nothing", async () => {
    const id = await submit();
    const before = (await get(id)).text;
    const rejected = await patch(id, { priority: 10, type: "x", payload: { text: 1 } });
    expect(rejected).toMatchObject({ status: 422, body: { code: "validation_failed" } });
    expect((rejected.body.errors as { path: string }[]).map(({ path }) => path).sort()).toEqual([
      "/payload/text",
      "/priority",
      "/type",
    ]);
    expect(await patch(id, "{")).toMatchObject({ status: 400, body: { code: "malformed_json" } });
    expect(await patch(id, "")).toMatchObject({ status: 400, body: { code: "body_missing" } });
    expect(await patch(id, "{}", { "content-type": "text/plain" })).toMatchObject({ status: 415 });
    expect(await patch(UNKNOWN, {})).toMatchObject({ status: 404, body: { code: "job_not_found" } });
    expect(await patch("x", {})).toMatchObject({ status: 400, body: { code: "invalid_id" } });
    expect((await get(id)).text).toBe(before);
  });

  it("is answered with 409 once the job runs or has finished, in the outbox and in Postgres", async () => {
    const id = await submit({ delay_ms: 0 });
    const finished = await server.finishNext("{}");
    for (const recorded of [[], [finished]]) {
      await server.record(...recorded);
      expect(await patch(id, {})).toMatchObject({ status: 409, body: { code: "job_finished" } });
      expect(await patch(id, "{")).toMatchObject({ status: 400, body: { code: "malformed_json" } });
      expect(await patch(id, "{".repeat(300_000))).toMatchObject({ status: 400 });
      expect(await post(id, "run")).toMatchObject({ status: 409, body: { code: "job_finished" } });
      expect(await post(id, "cancel")).toMatchObject({ status: 409, body: { code: "job_finished" } });
    }
    const running = await submit({ type: "strict", payload: { fails: false }, delay_ms: 0 });
    await server.queue.claim(9_999, 1, { io: 1, cpu: 0, types: [{ type: "strict", lane: "io", slots: 1 }] });
    expect(await patch(running, { priority: 1 })).toMatchObject({ status: 409, body: { code: "job_running" } });
    expect(await post(running, "run")).toMatchObject({ status: 409, body: { code: "job_running" } });
    expect(await post(running, "cancel")).toMatchObject({ status: 202, body: { status: "running" } });
  });

  it("never gets a 500, and leaves a job that can be read, for any body", async () => {
    const id = await submit({ payload: { text: "a", headers: { a: "1" } } });
    const names = ["run_at", "delay_ms", "priority", "tags", "expires_at", "max_attempts", "payload", "type", "x"];
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(null, 0, 5, 1e400, FAR, ["t"], { text: "b" }, { text: null }, { headers: { a: null, b: "2" } }),
    );
    const body = fc.oneof(
      fc.string(),
      fc.json(),
      fc.dictionary(fc.constantFrom(...names), value).map((one) => JSON.stringify(one)),
    );
    await fc.assert(
      fc.asyncProperty(body, async (text) => {
        expect([200, 400, 422]).toContain((await patch(id, text)).status);
        expect((await get(id)).status).toBe(200);
      }),
      { numRuns: 200 },
    );
    expect(server.logged).toEqual([]);
  });
});

it("POST run makes a job due now, and then changes nothing", async () => {
  const id = await submit();
  expect(await post(id, "run")).toMatchObject({ status: 200, body: { id, status: "queued", run_at: null } });
  expect(await post(id, "run")).toMatchObject({ status: 409, body: { code: "job_due" } });
  expect(await request(server, "POST", `/api/v1/jobs/${id}/run`, { now: true })).toMatchObject({ status: 422 });
  expect(await post(UNKNOWN, "run")).toMatchObject({ status: 404 });
  expect(await post(id, "cancel")).toMatchObject({ status: 200, body: { id, status: "cancelled" } });
});

it("lists PATCH among the methods", async () => {
  const methods = async (path: string) => (await request(server, "OPTIONS", path)).headers.get("allow");
  expect(await methods(`/api/v1/jobs/${UNKNOWN}`)).toContain("PATCH");
  expect(await request(server, "PATCH", "/api/v1/stats", {})).toMatchObject({ status: 405 });
});
