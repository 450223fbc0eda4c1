import { expect, it } from "vitest";
import { request, startApiServer } from "../../testing/api-server.ts";
import { ownPostgres, ownRedis } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";

it("callers learn only that Redis or Postgres is unavailable; the log has addresses and users", async () => {
  const [redis, postgres] = await Promise.all([ownRedis(), ownPostgres()]);
  const server = await startApiServer({ redis: redis.address, database: postgres.address });
  const job = { type: "note", payload: { text: "a" } };
  const { body } = await request(server, "POST", "/api/v1/jobs", job);
  await server.record(await server.finishNext(`{"ok":true}`));
  const jobPath = `/api/v1/jobs/${String(body.id)}`;
  const answers: string[] = [];
  const ask = async (method: string, path: string, sent?: object, expected = 503): Promise<string> => {
    const { status, text } = await request(server, method, path, sent);
    expect([path, status]).toEqual([path, expected]);
    answers.push(text);
    return text;
  };
  await postgres.kill();
  expect(await ask("GET", jobPath)).toContain(
    "Finished jobs cannot be read from Postgres now: it refuses connections (ECONNREFUSED)",
  );
  expect(await ask("GET", "/api/v1/health", undefined, 200)).toContain(
    '"postgres":{"status":"degraded","error":"Finished jobs cannot be read from Postgres now: it refuses',
  );
  await ask("GET", "/api/v1/jobs");
  await redis.kill();
  await until(() => !server.queue.isReady, { what: "the connection to Redis is lost" });
  for (const path of ["/api/v1/stats", "/api/v1/queues", "/api/v1/workers", jobPath]) await ask("GET", path);
  await ask("POST", "/api/v1/jobs", job);
  await ask("POST", "/api/v1/jobs/batch", { jobs: [job] });
  await ask("POST", "/api/v1/queues/note/pause");
  await until(async () => (await request(server, "GET", "/api/v1/health")).status === 503, {
    what: "the health check reports Redis as unavailable",
  });
  await until(async () => (await ask("GET", "/api/v1/health")).includes('"redis":{"status":"degraded"'), {
    what: "the health check reports Redis as unavailable",
  });
  const { port, hostname } = new URL(postgres.address);
  for (const text of answers)
    for (const detail of [`:${port}`, `:${redis.port}`, hostname, "connect "]) expect(text).not.toContain(detail);
  expect(
    JSON.stringify(server.warned, (_key, value: unknown) =>
      value instanceof Error ? { message: value.message, cause: value.cause } : value,
    ),
  ).toContain(port);
  await server.close();
});
