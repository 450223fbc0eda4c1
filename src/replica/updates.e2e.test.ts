/** Changes of waiting jobs through HTTP, while replicas claim them, and in the acceptance log. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { redisCommand } from "../embedded/redis-command.ts";
import type { OwnServer } from "../testing/own-servers.ts";
import type { ApiJob, TestReplica } from "../testing/replica.ts";
import { call, getJob, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, ownRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

let redis: OwnServer;
let one: TestReplica;
let two: TestReplica;
beforeAll(async () => {
  const database = await freshDatabase();
  redis = await ownRedis();
  const on = { redis: redis.address, database: database.url, artifacts: tempDir() };
  [one, two] = await Promise.all([
    startReplica({ ...on, env: { IO_SLOTS: "3" } }),
    startReplica({ ...on, env: { IO_SLOTS: "3" } }),
  ]);
});
afterAll(async () => {
  await Promise.all([one.close(), two.close()]);
});

const returned = (value: string): object => ({ do: "return", value: { is: value } });

it("lets each job run as it was or as it became, while two replicas claim them", async () => {
  const jobs = Array.from({ length: 100 }, () => ({ type: "test_io", payload: returned("old"), priority: 1 }));
  const { body } = await call(one, "POST", "/api/v1/jobs/batch", { jobs });
  const ids = (body as { jobs: { id: string }[] }).jobs.map(({ id }) => id);
  const patch = { priority: 2, payload: { value: { is: "new" } } };
  const statuses = await Promise.all(
    ids.toReversed().map(async (id) => [id, (await call(two, "PATCH", `/api/v1/jobs/${id}`, patch)).status] as const),
  );
  const ended = await Promise.all(ids.map((id) => jobWhen(one, id)));
  const status = new Map(statuses);
  for (const job of ended as (ApiJob & { readonly priority: number })[]) {
    const isNew = status.get(job.id) === 200;
    if (!isNew) expect(status.get(job.id)).toBe(409);
    expect(job).toMatchObject({
      status: "completed",
      attempt: 1,
      priority: isNew ? 2 : 1,
      result: { is: isNew ? "new" : "old" },
    });
  }
});

it("keeps the change of a durable job, although Redis is emptied", async () => {
  const durable = { durability: "postgres", delay_ms: 3_600_000 };
  const changed = await submit(one, "test_io", returned("old"), durable);
  const large = await submit(one, "test_io", { do: "return", value: "x".repeat(100_000) }, durable);
  const patch = { payload: { value: { is: "new" } }, priority: 7 };
  expect((await call(one, "PATCH", `/api/v1/jobs/${changed}`, patch)).status).toBe(200);
  expect((await call(two, "PATCH", `/api/v1/jobs/${changed}`, { priority: 8 })).status).toBe(200);
  expect((await call(two, "PATCH", `/api/v1/jobs/${large}`, { max_attempts: 9 })).status).toBe(200);
  const before = await Promise.all([changed, large].map((id) => getJob(one, id)));
  await redisCommand(redis.port, "FLUSHALL");
  await until(
    async () =>
      (await redisCommand(redis.port, "EXISTS", ...[changed, large].map((id) => `{taskflow:0}:j:${id}`))).includes("2"),
    {
      what: "the jobs are back in Redis",
      timeoutMs: 20_000,
    },
  );
  expect(await Promise.all([changed, large].map((id) => getJob(one, id)))).toEqual(before);
  expect((await call(two, "POST", `/api/v1/jobs/${changed}/run`)).status).toBe(200);
  expect(await jobWhen(one, changed)).toMatchObject({ priority: 8, result: { is: "new" } });
});
