/** The calls about schedules while Postgres, or Redis, is away. */
import { afterAll, describe, expect, it } from "vitest";
import { startApiServer } from "../../../testing/api-server.ts";
import { EVERY } from "../../../testing/schedule-api.ts";
import { ownPostgres, ownRedis } from "../../../testing/services.ts";
import { until } from "../../../testing/until.ts";

type Server = Awaited<ReturnType<typeof startApiServer>>;
const servers: Server[] = [];
afterAll(() => Promise.all(servers.map((server) => server.close())));

const BACKFILL = { from: "2026-01-01T00:00:00Z", to: "2026-01-01T03:00:00Z" };

async function start() {
  const [redis, postgres] = await Promise.all([ownRedis(), ownPostgres()]);
  const server = await startApiServer({ redis: redis.address, database: postgres.address });
  servers.push(server);
  const call = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${server.url}/api/v1/schedules${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const read = (await answer.json()) as Record<string, unknown>;
    return { status: answer.status, body: read, retryAfter: Number(answer.headers.get("retry-after") ?? "0") };
  };
  expect((await call("PUT", "/hourly", EVERY)).status).toBe(201);
  return { server, redis, postgres, call };
}

it.each([
  ["PUT", "/hourly", EVERY],
  ["PUT", "/other", EVERY],
  ["GET", "", undefined],
  ["GET", "/hourly", undefined],
  ["PATCH", "/hourly", { overlap: "allow" }],
  ["DELETE", "/hourly", undefined],
  ["DELETE", "/hourly?cancel_jobs=true", undefined],
  ["POST", "/hourly/pause", {}],
  ["POST", "/hourly/resume", {}],
  ["POST", "/hourly/revert", undefined],
  ["POST", "/hourly/run", undefined],
  ["POST", "/hourly/backfill", BACKFILL],
  ["POST", "/hourly/backfill", { ...BACKFILL, dry_run: true }],
  ["GET", "/hourly/runs", undefined],
] as const)("%s %s answers 503 with Retry-After while Postgres is away", async (method, path, body) => {
  const { call } = await withoutPostgres();
  const { status, body: problem, retryAfter } = await call(method, path, body);
  expect([status, problem["code"]]).toEqual([503, "store_unavailable"]);
  expect(retryAfter).toBeGreaterThan(0);
  expect(problem["detail"]).not.toMatch(/127\.0\.0\.1|connect /);
});

it("a preview, and what is not valid, need no Postgres", async () => {
  const { call } = await withoutPostgres();
  expect((await call("POST", "/preview", { every_ms: 60_000 })).status).toBe(200);
  expect((await call("PUT", "/hourly", { every_ms: 1 })).status).toBe(422);
});

let away: ReturnType<typeof start> | undefined;
function withoutPostgres(): ReturnType<typeof start> {
  away ??= start().then(async (started) => {
    await started.postgres.kill();
    return started;
  });
  return away;
}

describe("while Redis is away", () => {
  it("schedules are read and changed in Postgres; what submits a job answers 503", async () => {
    const { server, redis, call } = await start();
    await redis.kill();
    await until(() => !server.queue.isReady, { what: "the connection to Redis is lost" });
    expect((await call("GET", "/hourly")).body).toMatchObject({ name: "hourly", state: "active" });
    expect((await call("GET", "")).body["schedules"]).toMatchObject([{ name: "hourly" }]);
    const changed = await call("PATCH", "/hourly", { overlap: "allow" });
    expect([changed.status, changed.body["version"]]).toEqual([200, 2]);
    expect((await call("POST", "/hourly/pause", {})).body).toMatchObject({ state: "paused" });
    expect((await call("POST", "/hourly/backfill", { ...BACKFILL, dry_run: true })).body).toEqual({ matched: 3 });
    for (const [path, body] of [
      ["/hourly/run", undefined],
      ["/hourly/backfill", BACKFILL],
    ] as const) {
      const { status, retryAfter, body: problem } = await call("POST", path, body);
      expect([path, status, problem["code"]]).toEqual([path, 503, "queue_unavailable"]);
      expect(retryAfter).toBeGreaterThan(0);
    }
  });
});
