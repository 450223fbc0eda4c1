/** `GET /api/v1/health` while Postgres is unavailable, by the durability of submissions. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { request, startApiServer } from "../../testing/api-server.ts";
import type { OwnServer } from "../../testing/own-servers.ts";
import { freshRedis, ownPostgres } from "../../testing/services.ts";

let postgres: OwnServer;
beforeAll(async () => {
  postgres = await ownPostgres();
});
afterAll(() => postgres.close());

it.each([
  { durability: "redis", health: 200 }, // submissions are accepted
  { durability: "postgres", health: 503 }, // submissions are rejected, as src/replica/durability.e2e.test.ts shows
] as const)("with durability $durability it is $health and degraded", async ({ durability, health }) => {
  await postgres.restart();
  const { address } = await freshRedis();
  const server = await startApiServer({ redis: address, database: postgres.address, settings: { durability } });
  await postgres.kill();
  expect(await request(server, "GET", "/api/v1/health")).toMatchObject({
    status: health,
    body: { status: "degraded", checks: { redis: { status: "ok" }, postgres: { status: "degraded" } } },
  });
  if (durability === "redis")
    expect((await request(server, "POST", "/api/v1/jobs", { type: "note", payload: { text: "a" } })).status).toBe(202);
  expect((await request(server, "GET", "/api/v1/health/ready")).status).toBe(200);
  await server.close();
});
