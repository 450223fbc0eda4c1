import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { freshRedis } from "../../testing/services.ts";

let server: ApiServer;
const replica = (id: string, role: string, more: object = {}) =>
  JSON.stringify({
    ...more,
    id,
    host: "h1",
    version: "1.2.3",
    role,
    since: Date.UTC(2026, 0, 1),
    heartbeat: Date.UTC(2026, 0, 2),
    slots: { note: { limit: 10, running: 1 } },
    lanes: { io: { limit: 10, running: 1 }, cpu: { limit: 2, running: 0 } },
    threads: { size: 2, busy: 0 },
    event_loop_delay_ms: { p50: 1, p99: 2 },
    latency: { pickup: [0, 1], run: [] },
  });

const redis = await freshRedis();
beforeAll(async () => {
  server = await startApiServer({ redis: redis.address });
  for (const fields of [{}, { delay_ms: 60_000 }, {}])
    await request(server, "POST", "/api/v1/jobs", { type: "note", payload: { text: "a" }, ...fields });
});
afterAll(() => server.close());
/** From a fresh server, because an answer is cached for a second. */
async function healthNow() {
  const other = await startApiServer({ redis: redis.address });
  const answer = await request(other, "GET", "/api/v1/health");
  await other.close();
  return answer;
}
const get = async (path: string) => (await request(server, "GET", `/api/v1/${path}`)).body;

describe("the job counts", () => {
  it("show no replica at first, so health is degraded", async () => {
    expect(await get("workers")).toEqual({ workers: [] });
    expect(await get("health")).toMatchObject({
      status: "degraded",
      checks: { redis: { status: "ok" }, postgres: { status: "ok" }, workers: { status: "degraded", replicas: 0 } },
    });
    await server.queue.renew([], replica("api00001", "api"));
    expect((await healthNow()).body).toMatchObject({ status: "degraded" });
  });

  it("show the report of each replica", async () => {
    await server.queue.renew([], replica("work0001", "all"));
    expect(await healthNow()).toMatchObject({
      status: 200,
      body: {
        status: "ok",
        checks: { redis: { latency_ms: expect.any(Number) as unknown }, workers: { status: "ok", replicas: 1 } },
      },
    });
    expect((await get("workers")).workers).toEqual([
      {
        id: "work0001",
        host: "h1",
        version: "1.2.3",
        role: "all",
        since: "2026-01-01T00:00:00.000Z",
        heartbeat: "2026-01-02T00:00:00.000Z",
        types: { note: { limit: 10, running: 1 } },
        lanes: { io: { limit: 10, running: 1 }, cpu: { limit: 2, running: 0 } },
        threads: { size: 2, busy: 0 },
        memory_bytes: null,
        memory_limit_bytes: null,
        draining: false,
        event_loop_delay_ms: { p50: 1, p99: 2 },
        latency_ms: {
          pickup: {
            p50: expect.any(Number) as unknown,
            p95: expect.any(Number) as unknown,
            p99: expect.any(Number) as unknown,
          },
          run: null,
        },
      },
    ]);
  });

  it("show the memory of a replica, and that it drains", async () => {
    const more = { memory_bytes: 200_000_000, memory_limit_bytes: 512_000_000, draining: true };
    await server.queue.renew([], replica("work0001", "all", more));
    expect((await get("workers")).workers).toMatchObject([more]);
  });

  it("balance, in total and by type", async () => {
    await server.finishNext(`{"ok":true}`);
    const totals = { scheduled: 1, queued: 1, running: 0, retrying: 0, completed: 1, failed: 0, cancelled: 0 };
    const stats = await get("stats");
    expect(stats).toMatchObject({
      totals,
      by_type: { note: totals },
      outbox_depth: 1,
      replicas: 1,
      accepted: 3,
      unaccounted: 0,
    });
    expect(stats.latency_ms).toMatchObject({ pickup: { p50: expect.any(Number) as unknown }, run: null });
    const { "1m": oneMinute, "5m": five, "15m": fifteen } = stats.jobs_per_minute as Record<string, number>;
    expect([oneMinute, five, fifteen]).toEqual([1, 0.2, 0.1]);
  });

  it("show the queue of each type, even if it is empty", async () => {
    const { queues } = (await get("queues")) as { queues: { type: string; oldest_wait_ms: number }[] };
    expect(queues.find(({ type }) => type === "note")).toMatchObject({
      state: "active",
      depth: 1,
      scheduled: 1,
      running: 0,
    });
    expect(queues.find(({ type }) => type === "note")?.oldest_wait_ms).toBeGreaterThanOrEqual(0);
    expect(queues.find(({ type }) => type === "webhook")).toMatchObject({ depth: 0, oldest_wait_ms: null });
  });
});
