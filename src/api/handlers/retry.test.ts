import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { LargePayload } from "../../core/payload.ts";
import { isLarge } from "../../core/payload.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const retry = (id: string) => request(server, "POST", `/api/v1/jobs/${id}/retry`);
async function cancelled(fields: object = {}): Promise<string> {
  const payload = { text: "a", secret: "s3cret" };
  const { body } = await request(server, "POST", "/api/v1/jobs", {
    type: "note",
    payload,
    delay_ms: 60_000,
    ...fields,
  });
  await request(server, "DELETE", `/api/v1/jobs/${String(body.id)}`);
  return String(body.id);
}

describe("a retry", () => {
  it("creates a new job that refers to the first one and has all its fields except its times", async () => {
    const given = {
      priority: 7,
      max_attempts: 9,
      tags: ["t"],
      group_key: "g",
      timeout_ms: 5_000,
      backoff: { kind: "fixed", base_ms: 7, max_ms: 7 },
    };
    const id = await cancelled({ ...given, expires_at: "2099-01-01T00:00:00Z" });
    const answer = await retry(id);
    expect(answer).toMatchObject({
      status: 202,
      body: {
        status: "queued",
        retry_of: id,
        run_at: null,
        priority: 7,
        max_attempts: 9,
        tags: ["t"],
        group_key: "g",
        attempt: 0,
      },
    });
    const newId = String(answer.body.id);
    expect(answer.headers.get("location")).toBe(`/api/v1/jobs/${newId}`);
    expect(answer.text).not.toContain("s3cret");
    await server.record(...server.cancelled.splice(0));
    const ofRecorded = await retry(id);
    const copies = await server.queue.read([newId, String(ofRecorded.body.id)]);
    expect(copies.map(({ payload }) => JSON.parse(payload as string) as unknown)).toEqual([
      { text: "a", secret: "s3cret" },
      { text: "a", secret: "s3cret" },
    ]);
    const options = { timeout_ms: 5_000, backoff: given.backoff, tags: ["t"], retry_of: id };
    expect(copies.map((job) => job.options)).toEqual([options, options]);
  });

  it("finds a large payload also if Redis forgets the job while the request is served", async () => {
    const text = "x".repeat(40_000);
    const id = await cancelled({ payload: { text } });
    vi.spyOn(server.queue, "payload").mockImplementationOnce(async () => {
      await server.record(...server.cancelled.splice(0));
      return undefined;
    });
    const { status, body } = await retry(id);
    expect([status, body.retry_of]).toEqual([202, id]);
    const [copy] = await server.queue.read([String(body.id)]);
    const size = isLarge(copy?.payload ?? "") ? (copy?.payload as LargePayload).size : 0;
    const payload = await server.queue.payload(String(body.id), size);
    expect(JSON.parse(Buffer.from(payload ?? []).toString())).toEqual({ text });
  });

  it("is rejected for a job that was neither failed nor cancelled", async () => {
    const { body } = await request(server, "POST", "/api/v1/jobs", {
      type: "note",
      payload: { text: "a" },
      priority: 9,
    });
    const id = String(body.id);
    expect(await retry(id)).toMatchObject({
      status: 409,
      body: { code: "job_not_retryable", detail: expect.stringContaining("is queued") as string },
    });
    const job = await server.finishNext("1");
    expect(job.id).toBe(id);
    expect(await retry(id)).toMatchObject({ status: 409 });
    await server.record(job);
    expect(await retry(id)).toMatchObject({
      status: 409,
      body: { code: "job_not_retryable", detail: expect.stringContaining("is completed") as string },
    });
  });

  it("creates one job per Idempotency-Key in any state of the first job", async () => {
    const [id, other] = [await cancelled(), await cancelled()];
    const keyed = (of: string, key: string, body?: object) =>
      request(server, "POST", `/api/v1/jobs/${of}/retry`, body, { "idempotency-key": key });
    const first = await keyed(id, "once");
    expect([first.status, first.headers.get("idempotent-replayed")]).toEqual([202, null]);
    await server.record(...server.cancelled.splice(0));
    const again = await keyed(id, "once", {});
    expect([again.status, again.headers.get("idempotent-replayed"), again.headers.get("location")]).toEqual([
      202,
      "true",
      first.headers.get("location"),
    ]);
    expect(again.text).toBe(first.text);
    expect(await keyed(other, "once")).toMatchObject({
      status: 422,
      body: { code: "idempotency_key_reused", detail: expect.stringContaining(String(first.body.id)) as string },
    });
    expect((await keyed(id, "twice")).body.id).not.toBe(first.body.id);
    expect(await keyed(id, "a b")).toMatchObject({ status: 400, body: { code: "idempotency_key_invalid" } });
    const both = await Promise.all([keyed(other, "at once"), keyed(other, "at once")]);
    expect(both[0].body.id).toBe(both[1].body.id);
  });

  it.each([
    ["a field", { priority: 9 }, "application/json", 422, "validation_failed"],
    ["no object", "[]", "application/json", 422, "validation_failed"],
    ["no JSON", "{", "application/json", 400, "malformed_json"],
    ["another type", "{}", "text/plain", 415, "unsupported_media_type"],
    ["too much", "x".repeat(20_000), "application/json", 413, "body_too_large"],
  ])("rejects a body with %s, and creates no job", async (_what, body, contentType, status, code) => {
    const id = await cancelled();
    const { accepted } = await server.queue.jobCounts();
    const answer = await request(server, "POST", `/api/v1/jobs/${id}/retry`, body, { "content-type": contentType });
    expect(answer).toMatchObject({ status, body: { code } });
    if (typeof body === "object")
      expect(answer.body.errors).toEqual([{ path: "/priority", message: "is not a known field" }]);
    expect((await server.queue.jobCounts()).accepted).toBe(accepted);
  });

  it("treats an empty object as no body", async () => {
    expect((await request(server, "POST", `/api/v1/jobs/${await cancelled()}/retry`, {})).status).toBe(202);
  });

  it("is 404 for an unknown job", async () => {
    expect(await retry("01890000-0000-7000-8000-000000000000")).toMatchObject({
      status: 404,
      body: { code: "job_not_found" },
    });
    expect(await retry("1")).toMatchObject({ status: 400, body: { code: "invalid_id" } });
  });
});
