/** Bulk operations: they act on the matching jobs alone, once each, whatever happens to the replica. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BulkAction } from "../core/bulk.ts";
import { expectCounts, later, list } from "../testing/bulk.ts";
import { installation } from "../testing/installation.ts";
import type { ApiJob, TestReplica } from "../testing/replica.ts";
import { call, getJob, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

const WITHIN_MS = 120_000;

describe("a bulk cancellation", () => {
  let replica: TestReplica;
  beforeAll(async () => {
    const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
    replica = await startReplica({ redis: redis.address, database: database.url, artifacts: tempDir() });
  });
  afterAll(() => replica.close());
  const cancel = (body: object) => call(replica, "POST", "/api/v1/jobs/cancel", body);

  it("counts first if asked, and then cancels the matching jobs alone, in either form of the body", async () => {
    const [some, others] = [await later(replica, "some", 450), await later(replica, "others", 3)];
    expect(await cancel({ tag: "some", dry_run: true })).toMatchObject({ status: 200, body: { matched: 450 } });
    expect(await list(replica, "tag=some&status=cancelled")).toEqual([]);
    const made = await cancel({ filter: { tag: "some", status: "scheduled" } });
    expect(made).toMatchObject({ status: 202, body: { type: "bulk_cancel" } });
    const ended = await jobWhen(replica, (made.body as ApiJob).id);
    expect(ended).toMatchObject({ status: "completed", result: { matched: 450, done: 450, skipped: 0 } });
    const cancelled = await list(replica, "tag=some&status=cancelled");
    expect(cancelled.map(({ id }) => id).sort()).toEqual([...some].sort());
    expect((await list(replica, "tag=others&status=scheduled")).map(({ id }) => id).sort()).toEqual([...others].sort());
    const again = (await cancel({ tag: "some" })).body as ApiJob;
    expect(await jobWhen(replica, again.id)).toMatchObject({ result: { matched: 0, done: 0, skipped: 0 } });
    await expectCounts(replica);
  });

  it("asks running jobs to stop, unless it names other statuses", async () => {
    const running = await submit(replica, "test_io", { do: "hang" }, { tags: ["running"] });
    await jobWhen(replica, running, "running");
    const waiting = (await cancel({ tag: "running", status: "queued,scheduled" })).body as ApiJob;
    expect(await jobWhen(replica, waiting.id)).toMatchObject({ result: { matched: 0, done: 0 } });
    const all = (await cancel({ tag: "running" })).body as ApiJob;
    expect(await jobWhen(replica, all.id)).toMatchObject({ result: { matched: 1, done: 1 } });
    expect(await jobWhen(replica, running)).toMatchObject({ status: "cancelled" });
  });

  it("runs scheduled jobs now, and erases finished ones with all that they contain", async () => {
    const ids = await later(replica, "planned", 250);
    const run = (await call(replica, "POST", "/api/v1/jobs/run", { tag: "planned" })).body as ApiJob;
    expect(await jobWhen(replica, run.id)).toMatchObject({ result: { matched: 250, done: 250, skipped: 0 } });
    for (const id of ids) await jobWhen(replica, id, "completed");
    const erase = (await call(replica, "POST", "/api/v1/jobs/erase", { tag: "planned" })).body as ApiJob;
    expect(await jobWhen(replica, erase.id)).toMatchObject({ result: { matched: 250, done: 250, skipped: 0 } });
    for (const id of ids.slice(0, 3))
      expect(await getJob(replica, id)).toMatchObject({
        status: "completed",
        payload: null,
        result: null,
        erased_at: expect.any(String) as unknown,
      });
    const again = (await call(replica, "POST", "/api/v1/jobs/erase", { tag: "planned" })).body as ApiJob;
    expect(await jobWhen(replica, again.id)).toMatchObject({ result: { matched: 0, done: 0, skipped: 0 } });
    for (const path of ["erase", "replay"])
      expect(
        await call(replica, "POST", `/api/v1/jobs/${path}`, { tag: "planned", status: "completed", dry_run: true }),
      ).toMatchObject({ body: { matched: 0 } });
    await expectCounts(replica);
  });

  it("leaves other operations alone, unless it names their type", async () => {
    const operations = [
      { type: "bulk_run", payload: { tag: "none" }, tags: ["operation"], delay_ms: 3_600_000 },
      { type: "replay", payload: { tag: "none" }, tags: ["operation"], delay_ms: 3_600_000 },
    ];
    await call(replica, "POST", "/api/v1/jobs/batch", { jobs: operations });
    const matched = async (path: string, body: object) =>
      ((await call(replica, "POST", `/api/v1/jobs/${path}`, { ...body, dry_run: true })).body as { matched: number })
        .matched;
    expect(await matched("cancel", { tag: "operation" })).toBe(0);
    expect(await matched("cancel", { tag: "operation", type: "replay" })).toBe(1);
    const { id } = (await cancel({ type: "bulk_run,replay", tag: "operation" })).body as ApiJob;
    expect(await jobWhen(replica, id)).toMatchObject({ result: { matched: 2, done: 2 } });
    expect(await matched("erase", { tag: "operation" })).toBe(0);
    expect(await matched("erase", { tag: "operation", type: "replay" })).toBe(1);
    expect(await matched("replay", { tag: "operation", status: "cancelled" })).toBe(0);
    expect(await matched("replay", { tag: "operation", status: "cancelled", type: "replay,bulk_run" })).toBe(0);
  });

  it("erases one finished job, and no other; it cannot be retried", async () => {
    const [waiting = ""] = await later(replica, "one", 1);
    const erase = (id: string) => call(replica, "POST", `/api/v1/jobs/${id}/erase`);
    expect(await erase(waiting)).toMatchObject({ status: 409, body: { code: "job_not_finished" } });
    expect(await call(replica, "DELETE", `/api/v1/jobs/${waiting}`)).toMatchObject({ status: 200 });
    for (let calls = 1; calls <= 2; calls++)
      expect(await erase(waiting)).toMatchObject({
        status: 200,
        body: { status: "cancelled", payload: null, erased_at: expect.any(String) as unknown },
      });
    expect(await call(replica, "POST", `/api/v1/jobs/${waiting}/retry`)).toMatchObject({
      status: 409,
      body: { code: "job_not_retryable" },
    });
  });

  it("cancels no job that was accepted after it, and keeps to its rate", async () => {
    await later(replica, "paced", 30);
    const { id } = (await cancel({ tag: "paced", rate: 10 })).body as ApiJob;
    const after = await later(replica, "paced", 5);
    const job = await jobWhen(replica, id);
    expect(job).toMatchObject({ result: { matched: 30, done: 30 } });
    expect(Date.parse(job.finished_at ?? "") - Date.parse(job.created_at)).toBeGreaterThan(2_800);
    expect((await list(replica, "tag=paced&status=scheduled")).map(({ id: each }) => each).sort()).toEqual(
      after.sort(),
    );
  });
});

describe("a bulk operation that is cancelled before its end", () => {
  let replica: TestReplica;
  beforeAll(async () => {
    const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
    replica = await startReplica({ redis: redis.address, database: database.url, artifacts: tempDir() });
  });
  afterAll(() => replica.close());

  it("has the counts up to then as its result, in Redis and in Postgres", async () => {
    await later(replica, "partly", 500);
    const { body } = await call(replica, "POST", "/api/v1/jobs/cancel", { tag: "partly", rate: 20 });
    const { id } = body as ApiJob;
    const changed = () => list(replica, "tag=partly&status=cancelled");
    await until(async () => (await changed()).length >= 20, { what: "some jobs are cancelled" });
    await call(replica, "DELETE", `/api/v1/jobs/${id}`);
    const { result } = await jobWhen(replica, id, "cancelled");
    const done = (await changed()).length;
    expect(done).toBeLessThan(500);
    expect(result).toEqual({ matched: done, done, skipped: 0 });
    await until(
      async () => ((await call(replica, "GET", "/api/v1/stats")).body as { outbox_depth: number }).outbox_depth === 0,
      { what: "all is recorded" },
    );
    expect((await getJob(replica, id)).result).toEqual(result);
  });

  it("has them too if it waits between two attempts", async () => {
    const ids = await later(replica, "paced", 60);
    const filters = { tag: "paced", rate: 1 };
    // an attempt may wait a quarter of its time for the pace, so this one ends and the job waits for its turn
    const id = await submit(replica, "bulk_run", filters, { timeout_ms: 1_000, max_attempts: 1 });
    await jobWhen(replica, id, "retrying");
    expect((await call(replica, "DELETE", `/api/v1/jobs/${id}`)).status).toBe(200);
    const { result } = await jobWhen(replica, id, "cancelled");
    expect(result).toMatchObject({ matched: expect.any(Number) as number, skipped: 0 });
    const { done } = result as { done: number };
    expect([done > 0, done < ids.length]).toEqual([true, true]);
  });
});

describe("a bulk operation whose replica is killed again and again", { timeout: 400_000 }, () => {
  const COUNT = 600;

  /** A replica that runs the jobs that the operation acts on, and a function that starts others. */
  async function setup() {
    const { start } = await installation();
    return { start, witness: await start({ WORKER_TYPES: "test_io" }).ready() };
  }

  /**
   * Kills two replicas in the course of the operation; a third one ends it. @param changed how many jobs show its effect
   */
  async function endedDespiteKills(
    { start, witness }: Awaited<ReturnType<typeof setup>>,
    action: BulkAction,
    body: object,
    changed: () => Promise<number>,
  ): Promise<ApiJob> {
    const answer = await call(witness, "POST", `/api/v1/jobs/${action}`, { ...body, rate: 150 });
    expect(answer).toMatchObject({ status: 202, body: { type: `bulk_${action}` } });
    const { id } = answer.body as ApiJob;
    const worker = () => start({ WORKER_TYPES: `bulk_${action}` });
    for (let kills = 1, done = 0; kills <= 2; kills++) {
      const victim = await worker().ready();
      done = await until(
        async () => {
          await expectCounts(witness);
          const count = await changed();
          return count >= done + 100 ? count : undefined;
        },
        { what: `the operation has acted on jobs before kill ${kills}`, timeoutMs: WITHIN_MS },
      );
      await victim.kill();
    }
    expect((await getJob(witness, id)).finished_at).toBeNull();
    await worker().ready();
    const ended = async (): Promise<ApiJob | undefined> => {
      const read = await getJob(witness, id);
      return read.finished_at === null ? undefined : read;
    };
    const job = await until<ApiJob | undefined>(ended, { what: "the operation has ended", timeoutMs: WITHIN_MS });
    expect(job).toMatchObject({ status: "completed", result: { matched: COUNT, done: COUNT, skipped: 0 } });
    return job;
  }

  const idsOf = (jobs: readonly ApiJob[]): string[] => jobs.map(({ id }) => id).sort();

  it("cancels each job once, and counts them all", async () => {
    const parts = await setup();
    const { witness } = parts;
    const ids = await later(witness, "killed", COUNT, { callback_url: "https://127.0.0.1:1/done" });
    const cancelled = () => list(witness, "tag=killed&status=cancelled");
    await endedDespiteKills(parts, "cancel", { tag: "killed" }, async () => (await cancelled()).length);
    expect(idsOf(await cancelled())).toEqual([...ids].sort());
    const { by_type: types } = (await call(witness, "GET", "/api/v1/stats")).body as {
      by_type: Record<string, Record<string, number>>;
    };
    const callbacks = Object.values(types["webhook"] ?? {}).reduce((sum, count) => sum + count, 0);
    expect(callbacks).toBe(COUNT); // one for each job
    await expectCounts(witness);
  });

  it("makes each job due once, and counts them all, although they end meanwhile", async () => {
    const parts = await setup();
    const { witness } = parts;
    const ids = await later(witness, "killed", COUNT);
    const completed = () => list(witness, "tag=killed&status=completed");
    await endedDespiteKills(parts, "run", { tag: "killed" }, async () => (await completed()).length);
    const jobs = await until(
      async () => {
        const found = await completed();
        return found.length === COUNT ? found : undefined;
      },
      { what: "all jobs have run", timeoutMs: WITHIN_MS },
    );
    expect(idsOf(jobs)).toEqual([...ids].sort());
    expect(new Set(jobs.map(({ attempt }) => attempt))).toEqual(new Set([1]));
    await expectCounts(witness);
  });

  it("changes each job once, and counts them all, although its filter no longer matches them", async () => {
    const parts = await setup();
    const { witness } = parts;
    const [ids, others] = [await later(witness, "killed", COUNT), await later(witness, "others", 3)];
    const moved = () => list(witness, "tag=moved&status=scheduled");
    const body = { filter: { tag: "killed" }, set: { tags: ["moved"] } };
    await endedDespiteKills(parts, "update", body, async () => (await moved()).length);
    expect(idsOf(await moved())).toEqual([...ids].sort());
    expect(await list(witness, "tag=killed")).toEqual([]);
    expect(idsOf(await list(witness, "tag=others"))).toEqual([...others].sort());
    await expectCounts(witness);
  });

  it("erases each job, and counts them all", async () => {
    const parts = await setup();
    const { witness } = parts;
    const ids = await later(witness, "killed", COUNT, { delay_ms: 0 });
    const completed = async () =>
      (await list(witness, "tag=killed&status=completed")) as (ApiJob & { erased_at: string | null })[];
    await until(async () => (await completed()).length === COUNT, { what: "all jobs have run", timeoutMs: WITHIN_MS });
    const erased = async () => (await completed()).filter((job) => job.erased_at !== null);
    await endedDespiteKills(parts, "erase", { tag: "killed" }, async () => (await erased()).length);
    const jobs = await erased();
    expect(idsOf(jobs)).toEqual([...ids].sort());
    expect(new Set(jobs.map(({ result }) => result))).toEqual(new Set([null]));
    await expectCounts(witness);
  });
});
