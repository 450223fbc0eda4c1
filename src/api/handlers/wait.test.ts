import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeRecord } from "../../core/attempt-record.ts";
import type { Job } from "../../core/job.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { ioSlots, openQueue } from "../../testing/queue.ts";
import { rawSocket } from "../../testing/raw-http.ts";
import { ownRedis } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";
import { readWait } from "./wait.ts";

let server: ApiServer;
let redis: Redis;
let address: string;
beforeAll(async () => {
  ({ address } = await ownRedis()); // its commands are counted
  redis = new Redis(address);
  server = await startApiServer({ redis: address });
});
afterAll(async () => {
  await server.close();
  redis.disconnect();
});

const BODY = { type: "note", payload: { text: "wait" } };
const post = (query: string, headers: Record<string, string> = {}) =>
  request(server, "POST", `/api/v1/jobs${query}`, BODY, headers);

async function finishWhenWaitedFor(count = 1, result = `{"n":1}`): Promise<void> {
  await until(() => server.waiters.size === count, { what: `${count} callers wait` });
  await server.finishNext(result);
}

/** Finishes waiting jobs on another replica, all in one call, each with the text of its payload as its result. */
async function finishAll(count: number): Promise<void> {
  const worker = await openQueue(address);
  const claimed: Job[] = [];
  let seq = 0;
  await until(
    async () => {
      claimed.push(...(await worker.claim(seq, 1, ioSlots({ note: count }))).claimed);
      seq += 1;
      return claimed.length === count;
    },
    { what: "all jobs are claimed" },
  );
  const settlements = claimed.map(({ id, type, priority, claimSeq, startedAt, worker: replica, payload }) => {
    const { text } = JSON.parse(payload as string) as { text: string };
    const record = encodeRecord({
      attempt: 1,
      outcome: "completed",
      worker: replica,
      started_at: startedAt,
      finished_at: worker.clock.now(),
      result: text,
    });
    return {
      id,
      type,
      priority,
      claimSeq,
      startedAt: 0,
      verdict: "completed" as const,
      attempt: 1,
      crashes: 0,
      deferrals: 0,
      runAt: 0,
      record,
    };
  });
  await worker.settle(settlements, 60_000);
  worker.close();
}

describe("the wait of a request", () => {
  it.each([
    ["", "", { ms: 0 }],
    ["wait=5", "", { ms: 5_000 }],
    ["wait=0", "wait=10", { ms: 0 }],
    ["", "wait=10", { ms: 10_000, applied: ["Preference-Applied", "wait=10"] }],
    ["", `respond-async, Wait = "7"; x=y`, { ms: 7_000, applied: ["Preference-Applied", "wait=7"] }],
    ["", "wait=90", { ms: 60_000, applied: ["Preference-Applied", "wait=60"] }],
    ["", "wait=2, wait=9", { ms: 2_000, applied: ["Preference-Applied", "wait=2"] }],
    ["", "wait=soon, nowait=3", { ms: 0 }],
    ["wait=61", "", { ms: 0, issues: [{ path: "/wait", message: "expected an integer from 0 to 60" }] }],
    [
      "wait=1&wait=2&a=b",
      "",
      {
        ms: 0,
        issues: [
          { path: "/a", message: "is not a parameter of this call" },
          { path: "/wait", message: "must be given once" },
        ],
      },
    ],
  ])("%j and Prefer: %j", (query, prefer, expected) => {
    expect(readWait({ query, headers: { prefer } as never })).toEqual(expected);
  });
});

describe("a submission that waits", () => {
  it("is answered with the finished job", async () => {
    const answer = post("", { prefer: "wait=20" });
    await finishWhenWaitedFor();
    const { status, headers, body } = await answer;
    expect({ status, body }).toMatchObject({ status: 200, body: { status: "completed", result: { n: 1 } } });
    expect(headers.get("preference-applied")).toBe("wait=20");
    expect(headers.get("location")).toBe(`/api/v1/jobs/${String(body.id)}`);
    expect(server.waiters.size).toBe(0);
  });

  it("is answered with 202 and the current job when the time is over", async () => {
    const { status, headers, body } = await post("?wait=1");
    expect({ status, body }).toMatchObject({ status: 202, body: { status: "queued" } });
    expect(headers.has("preference-applied")).toBe(false);
    await server.finishNext("1");
  });

  it("finds at its deadline an end that was not reported", async () => {
    const answer = post("?wait=1");
    await until(async () => (await redis.del("{taskflow:0}:awaited")) === 1, {
      what: "the scripts no longer report ends",
    });
    await finishWhenWaitedFor();
    expect(await answer).toMatchObject({ status: 200, body: { status: "completed" } });
  });

  it("is answered with the current job of an earlier request with the same key", async () => {
    const key = { "idempotency-key": "once" };
    const first = await post("", key);
    const finished = await server.finishNext(`{"n":2}`);
    const rerun = await post("?wait=20", key);
    expect(rerun).toMatchObject({ status: 200, body: { id: first.body.id, status: "completed", result: { n: 2 } } });
    expect(rerun.headers.get("idempotent-replayed")).toBe("true");
    await server.record(finished);
    expect(await post("?wait=20", key)).toMatchObject({
      status: 200,
      body: { id: first.body.id, status: "completed" },
    });
  });

  it("is rejected like any other", async () => {
    const bad = await request(server, "POST", "/api/v1/jobs?wait=x", { type: "note", payload: {} });
    expect(bad).toMatchObject({ status: 422, body: { errors: [{ path: "/wait" }, { path: "/payload/text" }] } });
    expect((await request(server, "POST", "/api/v1/jobs?wait=5", "{")).status).toBe(400);
    expect(server.waiters.size).toBe(0);
  });

  it("stops waiting when its client disconnects", async () => {
    const body = JSON.stringify(BODY);
    const raw = await rawSocket(
      server.port,
      `POST /api/v1/jobs?wait=60 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await until(() => server.waiters.size === 1, { what: "one caller waits" });
    raw.socket.destroy();
    await until(() => server.waiters.size === 0, { what: "no caller waits" });
    await server.finishNext("1");
  });

  it("is answered when the replica closes", async () => {
    const closing = await startApiServer();
    const answer = request(closing, "POST", "/api/v1/jobs?wait=60", BODY);
    await until(() => closing.waiters.size === 1, { what: "one caller waits" });
    await closing.close();
    expect((await answer).status).toBe(202);
  });
});

describe("100 callers that wait for one job", () => {
  it("cause one look at it when it ends", async () => {
    const answers = Array.from({ length: 100 }, () => post("?wait=30", { "idempotency-key": "shared" }));
    await until(() => server.waiters.size === 100, { what: "all callers wait" });
    const reads = async () => Number(/cmdstat_hmget:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1] ?? 0);
    await until(async () => (await reads()) === (await reads()), { what: "all reads are done" });
    const before = await reads();
    await server.finishNext(`{"n":3}`);
    const all = await Promise.all(answers);
    expect(new Set(all.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(all[0]).toMatchObject({ status: 200, body: { status: "completed", result: { n: 3 } } });
    expect((await reads()) - before).toBeLessThan(20);
  });
});

describe("1,000 callers that wait at once", () => {
  it("get an answer, each with its own job", async () => {
    const answers = Array.from({ length: 1_000 }, (_, n) =>
      request(server, "POST", "/api/v1/jobs?wait=30", { type: "note", payload: { text: String(n) } }),
    );
    await until(() => server.waiters.size === 1_000, { what: "all callers wait", timeoutMs: 20_000 });
    await finishAll(1_000);
    const all = await Promise.all(answers);
    expect(all.filter(({ status, body }) => status === 200 && body.status === "completed")).toHaveLength(1_000);
    expect(new Set(all.map(({ body }) => body.id)).size).toBe(1_000);
    expect(all.every(({ body }) => (body.payload as { text: string }).text === String(body.result))).toBe(true);
    expect(server.waiters.size).toBe(0);
  });
});
