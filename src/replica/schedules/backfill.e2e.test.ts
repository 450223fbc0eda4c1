/** Backfills through HTTP: a job for each past tick of a schedule. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectCounts } from "../../testing/bulk.ts";
import { installation } from "../../testing/installation.ts";
import type { ApiJob, TestReplica } from "../../testing/replica.ts";
import { call, getJob, jobWhen, startReplica } from "../../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";

type Caller = Parameters<typeof call>[0];
interface Run {
  readonly tick: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly kind: string;
  readonly job_id: string | null;
}
interface TickJob extends ApiJob {
  readonly schedule: { readonly name: string; readonly tick: string };
}

const MIDNIGHT = Date.parse("2026-01-01T00:00:00Z");
const timeOf = (minute: number): string => new Date(MIDNIGHT + minute * 60_000).toISOString();
const minutes = (count: number): string[] => Array.from({ length: count }, (_, minute) => timeOf(minute));
/** Each minute a job, which returns its tick. */
const definitionOf = (tag: string, job: object = {}) => ({
  cron: "* * * * *",
  job: {
    type: "test_io",
    payload: { do: "return", value: { at: "${tick}", before: "${previous_tick}" } },
    tags: [tag],
    ...job,
  },
});
const path = (name: string, rest = "") => `/api/v1/schedules/${name}${rest}`;
async function put(replica: Caller, name: string, definition: object): Promise<void> {
  const { status } = await call(replica, "PUT", path(name), definition);
  expect([200, 201]).toContain(status);
  await call(replica, "POST", path(name, "/pause"), {});
}
const backfill = (replica: Caller, name: string, body: object) => call(replica, "POST", path(name, "/backfill"), body);
async function started(replica: Caller, name: string, body: object): Promise<string> {
  const answer = await backfill(replica, name, body);
  expect(answer).toMatchObject({ status: 202, body: { type: "schedule_backfill" } });
  return (answer.body as ApiJob).id;
}
const runsOf = async (replica: Caller, name: string): Promise<Run[]> =>
  ((await call(replica, "GET", path(name, "/runs?limit=1000"))).body as { runs: Run[] }).runs.filter(
    ({ kind }) => kind === "backfill",
  );
const jobsOf = async (replica: Caller, tag: string): Promise<TickJob[]> =>
  ((await call(replica, "GET", `/api/v1/jobs?tag=${tag}&limit=1000`)).body as { jobs: TickJob[] }).jobs;
const ticksOf = (jobs: readonly TickJob[]): string[] => jobs.map(({ schedule }) => schedule.tick).sort();
const sorted = (texts: readonly (string | null)[]) => [...texts].sort();

/** Each tick has one job, and one run that names it. */
async function expectOneEach(replica: Caller, name: string, ticks: readonly string[]): Promise<TickJob[]> {
  const jobs = await jobsOf(replica, name);
  expect(ticksOf(jobs)).toEqual(ticks);
  const runs = await runsOf(replica, name);
  expect(sorted(runs.map(({ tick }) => tick))).toEqual(ticks);
  expect(sorted(runs.map(({ job_id }) => job_id))).toEqual(sorted(jobs.map(({ id }) => id)));
  return jobs;
}

describe("a backfill", () => {
  let replica: TestReplica;
  let start: () => Promise<TestReplica>;
  beforeAll(async () => {
    const [redis, database, artifacts] = [await freshRedis(), await freshDatabase(), tempDir()];
    start = () =>
      startReplica({
        redis: redis.address,
        database: database.url,
        artifacts,
        env: { LEASE_MS: "2000", DRAIN_MS: "100" },
      });
    replica = await start();
  });
  afterAll(() => replica.close());

  it("submits a job for each tick of the range, which gets the tick, and a run", async () => {
    await put(replica, "each", definitionOf("each"));
    const range = { from: timeOf(0), to: timeOf(30) };
    expect(await backfill(replica, "each", { ...range, dry_run: true })).toEqual({
      status: 200,
      body: { matched: 30 },
    });
    expect(await runsOf(replica, "each")).toEqual([]);
    const id = await started(replica, "each", { ...range, rate: 10_000 });
    expect(await jobWhen(replica, id, "completed")).toMatchObject({
      result: { matched: 30, done: 30, skipped: 0 },
    });
    for (const { id: jobId, schedule } of await expectOneEach(replica, "each", minutes(30))) {
      expect(schedule.name).toBe("each");
      const before = new Date(Date.parse(schedule.tick) - 60_000).toISOString();
      expect((await jobWhen(replica, jobId, "completed")).result).toMatchObject({
        at: schedule.tick,
        before,
      });
    }
    expect(new Set((await runsOf(replica, "each")).map(({ outcome }) => outcome))).toEqual(new Set(["fired"]));
    await expectCounts(replica);
  });

  it("includes from, and not to", async () => {
    await put(replica, "ends", definitionOf("ends"));
    const id = await started(replica, "ends", { from: timeOf(1), to: timeOf(2) });
    await jobWhen(replica, id, "completed");
    await expectOneEach(replica, "ends", [timeOf(1)]);
  });

  it("repeated submits other jobs, and with its Idempotency-Key none", async () => {
    await put(replica, "again", definitionOf("again"));
    const body = { from: timeOf(0), to: timeOf(3) };
    const withKey = async (): Promise<ApiJob> => {
      const answer = await fetch(replica.url + path("again", "/backfill"), {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": "k" },
        body: JSON.stringify(body),
      });
      return (await answer.json()) as ApiJob;
    };
    const [first, repeat] = [await withKey(), await withKey()];
    expect(repeat.id).toBe(first.id);
    await jobWhen(replica, first.id, "completed");
    expect(await jobsOf(replica, "again")).toHaveLength(3);
    await jobWhen(replica, await started(replica, "again", body), "completed");
    expect(await jobsOf(replica, "again")).toHaveLength(6);
    expect(await runsOf(replica, "again")).toHaveLength(6);
  });

  it.each(["redis", "postgres"])(
    "enqueues each job once although its replica stops meanwhile, of durability %s",
    async (durability) => {
      const name = `stop-${durability}`;
      await put(replica, name, definitionOf(name, { durability }));
      const id = await started(replica, name, { from: timeOf(0), to: timeOf(30), rate: 20 });
      await until(async () => (await jobsOf(replica, name)).length >= 5, { what: "some jobs are enqueued" });
      const stopped = replica;
      replica = await start();
      await stopped.close(); // gives the backfill back
      expect(await jobWhen(replica, id, "completed")).toMatchObject({ result: { matched: 30, done: 30, skipped: 0 } });
      await expectOneEach(replica, name, minutes(30));
    },
  );

  it("keeps to its rate, the oldest tick first, and shows its progress", async () => {
    await put(replica, "slow", definitionOf("slow"));
    const id = await started(replica, "slow", { from: timeOf(0), to: timeOf(20), rate: 10 });
    const seen = await until(
      async () => {
        const jobs = await jobsOf(replica, "slow");
        return jobs.length >= 3 ? jobs : undefined;
      },
      { what: "some jobs are enqueued" },
    );
    expect(ticksOf(seen)).toEqual(minutes(seen.length));
    // a running job alone has progress: it takes 2 s
    await until(async () => ((await getJob(replica, id)).progress ?? 0) > 0, { what: "the backfill has progress" });
    const job = await jobWhen(replica, id, "completed");
    expect(Date.parse(job.finished_at ?? "") - Date.parse(job.started_at ?? "")).toBeGreaterThan(1_790);
    await expectOneEach(replica, "slow", minutes(20));
  });

  it("uses the definition that the schedule had at its start, also after a restart", async () => {
    await put(replica, "changed", definitionOf("changed"));
    const id = await started(replica, "changed", { from: timeOf(0), to: timeOf(30), rate: 10 });
    await until(async () => (await jobsOf(replica, "changed")).length >= 3, { what: "some jobs are enqueued" });
    await put(replica, "changed", { every_ms: 1_000, job: { type: "noop", payload: {}, tags: ["changed"] } });
    const stopped = replica;
    replica = await start();
    await stopped.close();
    expect(await jobWhen(replica, id, "completed")).toMatchObject({ result: { matched: 30 } });
    const jobs = await expectOneEach(replica, "changed", minutes(30));
    expect(new Set(jobs.map(({ type }) => type))).toEqual(new Set(["test_io"]));
  });

  it.each([
    ["is deleted", false],
    ["is deleted and created again", true],
  ])("ends if its schedule %s meanwhile", async (_, isCreatedAgain) => {
    const name = isCreatedAgain ? "recreated" : "deleted";
    await put(replica, name, definitionOf(name));
    const id = await started(replica, name, { from: timeOf(0), to: timeOf(600), rate: 10 });
    await until(async () => (await jobsOf(replica, name)).length >= 3, { what: "some jobs are enqueued" });
    expect((await call(replica, "DELETE", path(name))).status).toBe(200);
    if (isCreatedAgain) await put(replica, name, definitionOf(name));
    expect((await jobWhen(replica, id, "failed")).error).toMatchObject({ code: "schedule_deleted", attempt: 1 });
    if (isCreatedAgain) expect(await runsOf(replica, name)).toEqual([]);
  });

  it("can be cancelled, and reports what it has done", async () => {
    await put(replica, "cancelled", definitionOf("cancelled"));
    const id = await started(replica, "cancelled", { from: timeOf(0), to: timeOf(600), rate: 10 });
    await until(async () => (await jobsOf(replica, "cancelled")).length >= 15, { what: "some jobs are enqueued" });
    await call(replica, "POST", `/api/v1/jobs/${id}/cancel`);
    const { result } = await jobWhen(replica, id, "cancelled");
    const jobs = await jobsOf(replica, "cancelled");
    expect(jobs.length).toBeLessThan(600);
    await expectOneEach(replica, "cancelled", minutes(jobs.length));
    expect(result).toMatchObject({ skipped: 0 });
    expect(result?.["done"]).toBeGreaterThan(0);
    expect(result?.["done"]).toBeLessThanOrEqual(jobs.length);
  });

  it("skips a tick whose job is not valid, and records it as missed", async () => {
    await call(replica, "POST", "/api/v1/queues/webhook/pause", {});
    // the port of minute 59 is too high
    const job = { type: "webhook", payload: { url: "http://127.0.0.1:6${tick:mmDD}/", body: {} }, tags: ["invalid"] };
    await put(replica, "invalid", { times: [timeOf(0), timeOf(59), timeOf(60), "2999-01-01T00:00:00Z"], job });
    const id = await started(replica, "invalid", { from: timeOf(0), to: timeOf(61) });
    expect((await jobWhen(replica, id, "completed")).result).toEqual({ matched: 3, done: 2, skipped: 1 });
    expect(ticksOf(await jobsOf(replica, "invalid"))).toEqual([timeOf(0), timeOf(60)]);
    expect((await runsOf(replica, "invalid")).find(({ outcome }) => outcome === "missed")).toMatchObject({
      tick: timeOf(59),
      reason: "invalid_job",
      job_id: null,
    });
  });

  it("is no job that other operations act on", async () => {
    await put(replica, "operation", definitionOf("operation"));
    const id = await started(replica, "operation", { from: timeOf(0), to: timeOf(600), rate: 1 });
    const cancelled = await call(replica, "POST", "/api/v1/jobs/cancel", {});
    await jobWhen(replica, (cancelled.body as ApiJob).id, "completed");
    expect((await jobWhen(replica, id, "running")).status).toBe("running");
    const named = await call(replica, "POST", "/api/v1/jobs/cancel", { type: "schedule_backfill" });
    expect((await jobWhen(replica, (named.body as ApiJob).id, "completed")).result).toMatchObject({ done: 1 });
    await jobWhen(replica, id, "cancelled");
  });
});

it("a backfill whose replica is killed again and again ends with one job for each tick, and counts them all", {
  timeout: 400_000,
}, async () => {
  const { start } = await installation();
  const witness = await start({ WORKER_TYPES: "test_io" }).ready();
  await put(witness, "killed", definitionOf("killed"));
  const id = await started(witness, "killed", { from: timeOf(0), to: timeOf(60), rate: 10 });
  for (let kills = 1, made = 0; kills <= 3; kills++) {
    const victim = await start({ WORKER_TYPES: "schedule_backfill" }).ready();
    made = await until(
      async () => {
        const count = (await jobsOf(witness, "killed")).length;
        return count >= made + 12 ? count : undefined;
      },
      { what: `jobs are made before kill ${kills}`, timeoutMs: 120_000 },
    );
    await victim.kill();
  }
  await start({ WORKER_TYPES: "schedule_backfill" }).ready();
  const job = await until(
    async () => {
      const read = (await call(witness, "GET", `/api/v1/jobs/${id}`)).body as ApiJob;
      return read.finished_at === null ? undefined : read;
    },
    { what: "the backfill has ended", timeoutMs: 120_000 },
  );
  expect(job).toMatchObject({ status: "completed", attempt: 1, result: { matched: 60, done: 60, skipped: 0 } });
  await expectOneEach(witness, "killed", minutes(60));
});
