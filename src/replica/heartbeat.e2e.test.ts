import { afterAll, beforeAll, expect, it } from "vitest";
import type { TestReplica } from "../testing/replica.ts";
import { call, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

let worker: TestReplica;
let api: TestReplica;
beforeAll(async () => {
  const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
  const on = { redis: redis.address, database: database.url, artifacts: tempDir() };
  [worker, api] = await Promise.all([
    startReplica({ ...on, env: { DRAIN_MS: "60000", LEASE_MS: "60000" } }), // renews every 20 s
    startReplica({ ...on, env: { TASKFLOW_ROLE: "api" } }),
  ]);
});
afterAll(async () => {
  await Promise.all([worker.close(), api.close()]);
});

interface Reported {
  readonly id: string;
  readonly memory_bytes: number;
  readonly memory_limit_bytes: number | null;
  readonly draining: boolean;
}

async function reports(): Promise<ReadonlyMap<string, Reported>> {
  const { workers } = (await call(api, "GET", "/api/v1/workers")).body as { workers: Reported[] };
  return new Map(workers.map((report) => [report.id, report]));
}

it("a replica reports its memory, and at once that it drains", async () => {
  const all = await until(async () => ((await reports()).size === 2 ? reports() : undefined), {
    what: "both replicas report",
  });
  for (const { memory_bytes, memory_limit_bytes, draining } of all.values()) {
    expect(memory_bytes).toBeGreaterThan(20_000_000);
    expect(memory_limit_bytes === null || memory_limit_bytes > memory_bytes / 2).toBe(true);
    expect(draining).toBe(false);
  }
  const id = await submit(api, "test_io", { do: "sleep", ms: 120_000 });
  await jobWhen(api, id, "running");
  const closing = worker.close();
  await until(async () => (await reports()).get(worker.id)?.draining, { what: "the other replica sees it drain" });
  expect((await reports()).get(api.id)?.draining).toBe(false);
  await call(api, "DELETE", `/api/v1/jobs/${id}`);
  await closing;
});
