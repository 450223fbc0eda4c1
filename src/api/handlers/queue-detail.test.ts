import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatTime } from "../../core/rfc3339.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../core/time.ts";
import { QueueSamples } from "../../results/history/queue-samples.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { openQueue } from "../../testing/queue.ts";
import { freshDatabase, freshRedis, ownRedis } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";

let server: ApiServer;
let database: string;
let redis: string;
beforeAll(async () => {
  [database, redis] = [(await freshDatabase()).url, (await freshRedis()).address];
  server = await startApiServer({ database, redis });
});
afterAll(() => server.close());

const get = (path: string) => request(server, "GET", `/api/v1/queues/${path}`);
const submit = async (fields: object): Promise<string> => {
  const { body } = await request(server, "POST", "/api/v1/jobs", { type: "note", payload: { text: "a" }, ...fields });
  return body.id as string;
};

describe("GET /api/v1/queues/{type}", () => {
  it("has the fields of the list, priorities, groups, the next due, and the replicas that run the type", async () => {
    const capacity = (limit: number) => ({ limit, running: 0 });
    for (const [id, slots] of Object.entries({
      aaaaaaaa: { note: capacity(3), strict: capacity(1) },
      bbbbbbbb: { note: capacity(4) },
      cccccccc: {},
    })) {
      const replica = await openQueue(redis, { replica: id });
      await replica.renew([], JSON.stringify({ id, slots }));
      replica.close();
    }
    await submit({ group_key: "a b", priority: 9 });
    await submit({ group_key: "a b" });
    await submit({});
    const runAt = formatTime(Date.now() + HOUR_MS);
    const later = await submit({ run_at: runAt });
    await request(server, "POST", "/api/v1/queues/note/pause", { reason: "maintenance" });
    const { queues } = (await get("")).body as { queues: { type: string; oldest_wait_ms: number }[] };
    const { status, body } = await get("note");
    expect(status).toBe(200);
    expect(body).toEqual({
      ...queues.find(({ type }) => type === "note"),
      state: "paused",
      paused_reason: "maintenance",
      depth: 3,
      scheduled: 1,
      oldest_wait_ms: expect.any(Number) as number,
      limit: 7,
      replicas: ["aaaaaaaa", "bbbbbbbb"],
      by_priority: { 5: 2, 9: 1 },
      groups: [
        { group_key: "a b", waiting: 2 },
        { group_key: null, waiting: 1 },
      ],
      next_due: [{ id: later, run_at: runAt, status: "scheduled" }],
      is_partial: false,
    });
  });

  it("exists for a type without jobs and replicas, and is 404 for an unknown one", async () => {
    expect((await get("webhook")).body).toEqual({
      type: "webhook",
      state: "active",
      paused_reason: null,
      depth: 0,
      oldest_wait_ms: null,
      waiting: 0,
      scheduled: 0,
      retrying: 0,
      running: 0,
      limit: 0,
      replicas: [],
      by_priority: {},
      groups: [],
      next_due: [],
      is_partial: false,
    });
    for (const type of ["nope", "constructor", "%00", "a%2Fb", "%F0%9F%94%A5", "x".repeat(1_000)])
      for (const path of [type, `${type}/history`])
        expect([path, (await get(path)).body.code]).toEqual([path, "queue_not_found"]);
  });
});

describe("GET /api/v1/queues/{type}/history", () => {
  const minute = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  const sampleAt = (ago: number, depth: number) => ({
    at: formatTime(minute - ago * MINUTE_MS),
    depth,
    oldest_wait_ms: depth === 0 ? null : 1_000,
    running: 1,
  });
  beforeAll(async () => {
    const samples = new QueueSamples(database);
    for (const [ago, depth] of [
      [25 * 60, 3],
      [10, 5],
      [9, 6],
      [8, 0],
      [0, 2],
    ] as const) {
      const queues = ["note", "gone"].map((type) => ({
        type,
        depth,
        oldestWaitMs: depth === 0 ? null : 1_000,
        running: 1,
      }));
      await samples.write(() => Promise.resolve({ now: minute - ago * MINUTE_MS, queues }));
    }
    samples.close();
  });

  it("has the minutes of the last 24 hours by default, the current one too, or those of a period", async () => {
    expect((await get("note/history")).body).toEqual({
      step_ms: MINUTE_MS,
      samples: [sampleAt(10, 5), sampleAt(9, 6), sampleAt(8, 0), sampleAt(0, 2)],
    });
    const period = `from=${formatTime(minute - 9 * MINUTE_MS + 30_000)}&to=${formatTime(minute - 8 * MINUTE_MS)}`;
    expect((await get(`note/history?${period}`)).body).toMatchObject({ samples: [sampleAt(9, 6)] });
    expect((await get(`gone/history?${period}`)).body).toMatchObject({ samples: [sampleAt(9, 6)] });
    expect((await get("strict/history")).body).toEqual({ step_ms: MINUTE_MS, samples: [] });
  });

  it("has at most 1,500 samples: the maximum of each step of a longer period", async () => {
    const client = new pg.Client({ connectionString: database });
    await client.connect();
    await client.query(
      `insert into queue_samples (at, type, depth, oldest_wait_ms, running)
       select to_timestamp($1::float8 / 1000) - n * interval '1 minute', 'webhook', n % 7 + 1, 5, 0 from generate_series(0, 44000) as n`,
      [minute],
    );
    await client.end();
    for (const [days, step] of [
      [1, 1],
      [2, 2],
      [30, 29],
      [300_000, 29],
    ] as const) {
      const from = days > 3_000 ? "0000-01-01T00:00:00Z" : formatTime(Date.now() - days * DAY_MS);
      const { body } = await get(`webhook/history?from=${from}`);
      const samples = body.samples as { at: string; depth: number }[];
      expect([days, body.step_ms]).toEqual([days, step * MINUTE_MS]);
      expect(samples.length).toBeGreaterThan(1_400);
      expect(samples.length).toBeLessThanOrEqual(1_500);
      if (step > 7) expect(new Set(samples.slice(1, -1).map(({ depth }) => depth))).toEqual(new Set([7]));
    }
  });

  it("rejects a query with all its issues, and answers for any times", async () => {
    const { status, body } = await get("note/history?from=x&to=2026-02-30T00:00:00Z&step=day");
    expect(status).toBe(422);
    expect((body as { errors: { path: string }[] }).errors.map(({ path }) => path).sort()).toEqual([
      "/from",
      "/step",
      "/to",
    ]);
    expect(await get("note/history?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z")).toMatchObject({
      status: 422,
      body: { errors: [{ path: "/from", message: "must not be after `to`" }] },
    });
    for (const query of [
      "to=0000-01-01T00:00:00%2B23:59",
      "from=9999-12-31T23:59:59Z&to=9999-12-31T23:59:59Z",
      "from=0000-01-01T00:00:00Z&to=0000-01-02T00:00:00Z",
    ])
      expect((await get(`note/history?${query}`)).body).toMatchObject({ samples: [] });
  });

  it("of a known type does not need Redis", async () => {
    const own = await ownRedis();
    const other = await startApiServer({ database, redis: own.address });
    await own.kill();
    await until(() => !other.queue.isReady, { what: "the connection to Redis is lost" });
    for (const [type, status] of Object.entries({ note: 200, gone: 200, nope: 503 }))
      expect(await request(other, "GET", `/api/v1/queues/${type}/history`)).toMatchObject({ status });
    expect(await request(other, "GET", "/api/v1/queues/note")).toMatchObject({ status: 503 });
    await other.close();
  });
});
