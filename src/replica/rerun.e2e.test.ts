import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiJob, TestReplica } from "../testing/replica.ts";
import { call, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { rerunIdOf } from "./reruns.ts";

let start: () => Promise<TestReplica>;
let replica: TestReplica;
beforeAll(async () => {
  const [redis, database, artifacts] = [await freshRedis(), await freshDatabase(), tempDir()];
  start = () =>
    startReplica({
      redis: redis.address,
      database: database.url,
      artifacts,
      env: { LEASE_MS: "2000", DRAIN_MS: "100", RETRY_BASE_MS: "50", RETRY_MAX_MS: "100" },
    });
  replica = await start();
});
afterAll(() => replica.close());

const rerun = (body: object) => call(replica, "POST", "/api/v1/jobs/replay", body);
async function failed(tag: string, count: number, fields: object = {}): Promise<string[]> {
  const ids = await Promise.all(
    Array.from({ length: count }, () => submit(replica, "test_io", { do: "permanent" }, { tags: [tag], ...fields })),
  );
  for (const id of ids) await jobWhen(replica, id, "failed");
  return ids;
}
async function rerunsOfJob(tag: string): Promise<(ApiJob & { readonly retry_of: string | null })[]> {
  const { body } = await call(replica, "GET", `/api/v1/jobs?tag=${tag}&limit=1000`);
  return (body as { jobs: (ApiJob & { readonly retry_of: string | null })[] }).jobs.filter(
    ({ retry_of }) => retry_of !== null,
  );
}

describe("a replay", () => {
  it("counts the matching jobs, and then reruns each, with a reference to it", async () => {
    const ids = await failed("a", 5);
    await failed("other", 1);
    await jobWhen(replica, await submit(replica, "noop", {}, { tags: ["a"] }), "completed");
    expect(await rerun({ tag: "a", dry_run: true })).toEqual({ status: 200, body: { matched: 5 } });
    expect(await rerun({ tag: "a", error_code: "nothing", dry_run: true })).toEqual({
      status: 200,
      body: { matched: 0 },
    });
    expect(await rerun({ tag: "a", created_before: "1969-01-01T00:00:00Z", dry_run: true })).toEqual({
      status: 200,
      body: { matched: 0 },
    });
    expect(await rerun({ tag: "a", created_after: "0000-01-01T00:00:00Z", dry_run: true })).toEqual({
      status: 200,
      body: { matched: 5 },
    });
    const { status, body } = await rerun({ tag: "a" });
    expect({ status, body }).toMatchObject({ status: 202, body: { type: "replay", status: "queued" } });
    const { id } = body as ApiJob;
    expect(await jobWhen(replica, id)).toMatchObject({ status: "completed", result: { matched: 5, replayed: 5 } });
    const copies = await rerunsOfJob("a");
    expect(copies.map(({ retry_of }) => retry_of).sort()).toEqual(ids.sort());
    expect(copies.map((copy) => copy.id).sort()).toEqual(ids.map((each) => rerunIdOf(id, each)).sort());
    for (const copy of copies) await jobWhen(replica, copy.id, "failed");
  });

  it.each(["redis", "postgres"])(
    "enqueues each rerun once although its replica stops meanwhile, of durability %s",
    async (durability) => {
      const tag = `crash-${durability}`;
      await failed(tag, 30, { durability });
      const id = ((await rerun({ tag, rate: 20 })).body as ApiJob).id;
      await until(async () => (await rerunsOfJob(tag)).length >= 5, { what: "some reruns are enqueued" });
      const stopped = replica;
      replica = await start();
      await stopped.close(); // gives the replay back
      expect(await jobWhen(replica, id)).toMatchObject({ status: "completed", result: { matched: 30, replayed: 30 } });
      const copies = await rerunsOfJob(tag);
      expect(new Set(copies.map(({ retry_of }) => retry_of)).size).toBe(30);
      expect(copies).toHaveLength(30);
      for (const copy of copies) expect(await jobWhen(replica, copy.id, "failed")).toMatchObject({ attempt: 1 });
    },
  );

  it("keeps to its rate", async () => {
    await failed("slow", 10);
    const job = await jobWhen(replica, ((await rerun({ tag: "slow", rate: 10 })).body as ApiJob).id);
    expect(Date.parse(job.finished_at ?? "") - Date.parse(job.started_at ?? "")).toBeGreaterThan(890);
  });

  it("reports every issue of its request", async () => {
    const { status, body } = await rerun({
      status: "running",
      created_after: "now",
      rate: 0,
      colour: "red",
      dry_run: 1,
    });
    expect(status).toBe(422);
    expect((body as { errors: { path: string }[] }).errors.map(({ path }) => path).sort()).toEqual([
      "/colour",
      "/created_after",
      "/dry_run",
      "/rate",
      "/status",
    ]);
    expect((await rerun({ created_after: "now" })).body).toMatchObject({ errors: [{ path: "/created_after" }] });
    for (const dry_run of [true, false])
      expect(await rerun({ tag: "a\0", dry_run })).toMatchObject({
        status: 422,
        body: { errors: [{ path: "/tag" }] },
      });
    const submitted = await call(replica, "POST", "/api/v1/jobs", { type: "replay", payload: { error_code: "\0" } });
    expect(submitted).toMatchObject({ status: 422, body: { errors: [{ path: "/payload/error_code" }] } });
    expect(await rerun([])).toMatchObject({ status: 422 });
  });
});
