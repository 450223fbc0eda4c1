/** Bulk updates. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectCounts, later, list } from "../testing/bulk.ts";
import type { ApiJob, TestReplica } from "../testing/replica.ts";
import { call, jobWhen, startReplica } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

describe("a bulk update", () => {
  let replica: TestReplica;
  beforeAll(async () => {
    const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
    replica = await startReplica({ redis: redis.address, database: database.url, artifacts: tempDir() });
  });
  afterAll(() => replica.close());
  const update = (body: object) => call(replica, "POST", "/api/v1/jobs/update", body);

  it("changes the matching jobs alone, those with durability postgres in the acceptance log too", async () => {
    const [some, others] = [await later(replica, "some", 250), await later(replica, "others", 2)];
    const durable = await later(replica, "some", 3, { durability: "postgres" });
    expect(await update({ filter: { tag: "some" }, set: { priority: 9 }, dry_run: true })).toMatchObject({
      body: { matched: 253 },
    });
    const set = { priority: 9, tags: ["moved"], delay_ms: 7_200_000 };
    const made = await update({ filter: { tag: "some" }, set });
    expect(made).toMatchObject({ status: 202, body: { type: "bulk_update" } });
    const job = await jobWhen(replica, (made.body as ApiJob).id, "completed");
    expect(job.result).toEqual({ matched: 253, done: 253, skipped: 0 });
    const listed = async (tag: string) =>
      (await list(replica, `tag=${tag}`)) as (ApiJob & { priority: number; run_at: string })[];
    const moved = await listed("moved");
    expect(new Set(moved.map(({ id }) => id))).toEqual(new Set([...some, ...durable]));
    for (const { priority, run_at } of moved)
      expect([priority, Date.parse(run_at) > Date.now() + 7_000_000]).toEqual([9, true]);
    expect((await listed("others")).map(({ id, priority }) => [id, priority]).sort()).toEqual(
      others.map((id) => [id, 5]).sort(),
    );
    expect(await list(replica, "tag=some")).toEqual([]);
    await expectCounts(replica);
    await until(
      async () => {
        const { body } = await call(replica, "GET", "/api/v1/audit?action=jobs.update");
        const [entry] = (body as { entries: { target: string; job_id: string; count: number }[] }).entries;
        return entry?.job_id === job.id && entry.count === 253 && JSON.parse(entry.target) !== null;
      },
      { what: "the audit names the operation and its count" },
    );
  });

  it("reports every issue of its request", async () => {
    const { status, body } = await update({
      filter: { status: "running" },
      set: { priority: 10, colour: "red", payload: {}, run_at: "soon" },
      rate: 0,
    });
    expect(status).toBe(422);
    expect((body as { errors: { path: string }[] }).errors.map(({ path }) => path).sort()).toEqual([
      "/filter/status",
      "/rate",
      "/set/colour",
      "/set/payload",
      "/set/priority",
      "/set/run_at",
    ]);
    for (const set of [undefined, {}, null, [], "x"])
      expect(await update({ set })).toMatchObject({ status: 422, body: { errors: [{ path: "/set" }] } });
  });
});
