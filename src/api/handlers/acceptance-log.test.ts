/**
 * A durable job that is only in the acceptance log: Redis did not get it, or has lost it. Every call about a job finds
 * it.
 */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { idOfHash } from "../../core/api-key.ts";
import { outcomeOf } from "../../core/attempt-record.ts";
import type { Submission } from "../../core/job.ts";
import { encodeWhole } from "../../core/packed-job.ts";
import { largePayload } from "../../core/payload.ts";
import { redisCommand } from "../../embedded/redis-command.ts";
import { AcceptedConnection } from "../../results/acceptance-log/connection.ts";
import { addAcceptedPartitions } from "../../results/acceptance-log/partitions.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { EventStream } from "../../testing/event-stream.ts";
import { enqueueRaw, submission } from "../../testing/queue.ts";
import { freshDatabase, ownRedis } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";
import { ApiKeyCache } from "../access/api-key-cache.ts";

let server: ApiServer;
let log: AcceptedConnection;
const kinds: string[] = [];
const apiKeyCache = new ApiKeyCache();
beforeAll(async () => {
  const { url } = await freshDatabase();
  server = await startApiServer({
    database: url,
    deps: {
      apiKeyCache,
      cancelWaiting: (job, kind) => {
        server.cancelled.push(job);
        kinds.push(kind);
      },
    },
  });
  log = new AcceptedConnection(url, "taskflow:0", 5_000);
});
afterAll(async () => {
  log.cut();
  await server.close();
});

async function acceptJob(
  changes: Partial<Submission> = {},
): Promise<{ readonly id: string; readonly submitted: Submission }> {
  const id = server.queue.ids.next();
  const submitted = submission({
    type: "note",
    payload: `{"text":"a"}`,
    ...changes,
    options: { durability: "postgres", ...changes.options },
  });
  const { text, data } = encodeWhole(submitted);
  await log.use((client) => addAcceptedPartitions(client, [id]));
  await log.copy([{ rows: [{ id, submission: text, ...(data && { data }) }] }]);
  return { id, submitted };
}

const about = (method: string, id: string, path = "") => request(server, method, `/api/v1/jobs/${id}${path}`);

describe("a durable job that is only in the acceptance log", () => {
  it("is shown as it was accepted, by every call that reads it", async () => {
    const { id } = await acceptJob();
    expect(await about("GET", id)).toMatchObject({
      status: 200,
      body: { id, status: "queued", durability: "postgres", payload: { text: "a" } },
    });
    expect(await about("GET", id, "/attempts")).toMatchObject({ status: 200, body: { attempts: [] } });
    expect(await about("GET", id, "/why")).toMatchObject({
      status: 200,
      body: { reason: "position", position: null, until: null, detail: expect.stringContaining("Postgres") as string },
    });
    expect(await about("GET", id, "/artifacts/a.csv")).toMatchObject({
      status: 404,
      body: { code: "artifact_not_found" },
    });
    expect(await about("POST", id, "/retry")).toMatchObject({
      status: 409,
      body: { code: "job_not_retryable", detail: expect.stringContaining("is queued") as string },
    });
    const events = await EventStream.open(`${server.url}/api/v1/jobs/${id}/events`);
    await until(() => events.states.length > 0, { what: "the first event" });
    expect(events.states).toEqual(["queued"]);
    await events.close();
    const later = Date.parse("2099-01-01T00:00:00Z");
    const { id: planned } = await acceptJob({ options: { run_at: later } });
    expect(await about("GET", planned, "/why")).toMatchObject({
      body: { reason: "scheduled", until: "2099-01-01T00:00:00.000Z" },
    });
  });

  it.each([
    ["queued", {}],
    ["scheduled", { options: { run_at: Date.parse("2099-01-01T00:00:00Z") } }],
    ["large", { payload: largePayload(Buffer.from(`{"text":"${"x".repeat(100_000)}"}`)) }],
  ])("is cancelled before Redis gets it, so that it can no longer be enqueued: %s", async (_what, changes) => {
    const before = await server.queue.jobCounts();
    const { id, submitted } = await acceptJob({
      ...changes,
      options: { ...("options" in changes ? changes.options : {}), callback_url: "https://example.com/done" },
    });
    expect(await about("DELETE", id)).toMatchObject({ status: 200, body: { id, status: "cancelled" } });
    expect([server.cancelled.at(-1)?.id, kinds.at(-1)]).toEqual([id, "withdrawn"]);
    expect(await about("GET", id)).toMatchObject({
      status: 200,
      body: {
        status: "cancelled",
        attempt: 0,
        run_at: submitted.options.run_at === undefined ? null : (expect.any(String) as string),
      },
    });
    expect(await about("GET", id, "/why")).toMatchObject({ body: { reason: "finished" } });
    expect(await about("DELETE", id)).toMatchObject({ status: 409, body: { code: "job_finished" } });
    // A restore that had looked before the cancellation.
    await enqueueRaw(server.queue, { ids: [id], submissions: [submitted] });
    expect(await about("GET", id)).toMatchObject({ body: { status: "cancelled" } });
    const after = await server.queue.jobCounts();
    // The job and its callback.
    expect([after.unaccounted, after.accepted - before.accepted, after.outbox - before.outbox]).toEqual([0, 2, 1]);
    expect(
      (await server.queue.read((await server.queue.liveIds({ limit: 100 })).ids)).filter(
        ({ type, payload }) => type === "webhook" && JSON.stringify(payload).includes(id),
      ),
    ).toHaveLength(1);
  });

  it("is recorded with its payload, and can then be retried", async () => {
    const text = "y".repeat(100_000);
    const { id } = await acceptJob({ payload: largePayload(Buffer.from(JSON.stringify({ text }))) });
    await about("DELETE", id);
    const job = server.cancelled.at(-1);
    expect(job && outcomeOf(job)).toMatchObject({ status: "cancelled", startedAt: null });
    if (job) await server.record(job);
    expect(Buffer.from((await server.store.payload(id)) ?? []).toString()).toBe(JSON.stringify({ text }));
    expect((await about("POST", id, "/retry")).status).toBe(202);
    expect((await server.queue.jobCounts()).unaccounted).toBe(0);
  });

  it("can be cancelled and retried by the key that submitted it", async () => {
    const [own, other] = ["own", "other"].map((name) => {
      const hash = createHash("sha256").update(name).digest("hex");
      return { id: idOfHash(hash), name, hash, scopes: ["submit"] as const };
    });
    const { id } = await acceptJob({ options: { api_key: own?.id ?? "" } });
    apiKeyCache.replace(
      [own, other].filter((key) => key !== undefined),
      { isNeeded: true },
    );
    const by = (name: string, method: string, path = "") =>
      request(server, method, `/api/v1/jobs/${id}${path}`, undefined, { authorization: `Bearer ${name}` });
    for (const [method, path] of [
      ["DELETE", ""],
      ["POST", "/retry"],
    ] as const)
      expect(await by("other", method, path)).toMatchObject({ status: 404, body: { code: "job_not_found" } });
    expect(await by("own", "POST", "/retry")).toMatchObject({ status: 409, body: { code: "job_not_retryable" } });
    expect(await by("own", "DELETE")).toMatchObject({ status: 200, body: { id, status: "cancelled" } });
    apiKeyCache.replace([], { isNeeded: false });
  });

  it("is cancelled in Redis if it has been restored in the meantime", async () => {
    const { id, submitted } = await acceptJob();
    await enqueueRaw(server.queue, { ids: [id], submissions: [submitted] });
    expect((await server.queue.cancel(id, 60_000, () => undefined, submitted)).kind).toBe("cancelled");
    const one = await acceptJob();
    expect((await server.queue.cancel(one.id, 60_000, () => undefined, one.submitted)).kind).toBe("withdrawn");
    expect((await server.queue.cancel(one.id, 60_000, () => undefined, one.submitted)).kind).toBe("finished");
  });
});

it("a cancellation without an answer counts as one that may have changed the job", { timeout: 30_000 }, async () => {
  const redis = await ownRedis();
  const own = await startApiServer({ redis: redis.address });
  const { body } = await request(own, "POST", "/api/v1/jobs", {
    type: "note",
    payload: { text: "a" },
    delay_ms: 60_000,
  });
  await redisCommand(Number(new URL(redis.address).port), "CLIENT", "PAUSE", "20000", "WRITE"); // reads still work
  expect(await request(own, "DELETE", `/api/v1/jobs/${String(body.id)}`)).toMatchObject({
    status: 503,
    body: { code: "outcome_unknown" },
  });
  await own.close();
});
