/** Interrupted reruns: enqueued reruns stay, and each attempt makes progress. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installation } from "../testing/installation.ts";
import type { ApiJob, TestReplica } from "../testing/replica.ts";
import { call, getJob, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

const WITHIN_MS = 120_000;
type Copy = ApiJob & { readonly retry_of: string | null };

async function failed(replica: TestReplica, tag: string, count: number): Promise<string[]> {
  const body = {
    jobs: Array.from({ length: count }, () => ({ type: "test_io", payload: { do: "permanent" }, tags: [tag] })),
  };
  const { jobs } = (await call(replica, "POST", "/api/v1/jobs/batch", body)).body as { jobs: ApiJob[] };
  for (const { id } of jobs) await jobWhen(replica, id, "failed");
  return jobs.map(({ id }) => id);
}

async function rerunsOfJob(replica: TestReplica, tag: string): Promise<Copy[]> {
  const { body } = await call(replica, "GET", `/api/v1/jobs?tag=${tag}&limit=1000`);
  return (body as { jobs: Copy[] }).jobs.filter(({ retry_of }) => retry_of !== null);
}

async function expectOneEach(replica: TestReplica, tag: string, originals: readonly string[]): Promise<void> {
  expect((await rerunsOfJob(replica, tag)).map(({ retry_of }) => retry_of).sort()).toEqual([...originals].sort());
}

describe("a replay", () => {
  let replica: TestReplica;
  let start: (env?: Record<string, string>) => Promise<TestReplica>;
  beforeAll(async () => {
    const [redis, database, artifacts] = [await freshRedis(), await freshDatabase(), tempDir()];
    start = (env = {}) =>
      startReplica({ redis: redis.address, database: database.url, artifacts, env: { LEASE_MS: "2000", ...env } });
    replica = await start();
  });
  afterAll(() => replica.close());

  it("longer than its timeout takes several attempts, which are not counted, and each enqueues new reruns", async () => {
    const originals = await failed(replica, "long", 80);
    // an attempt ends itself at half of the limit; on a slow machine the calls in progress then take a second or two
    const id = await submit(replica, "replay", { tag: "long", rate: 10 }, { timeout_ms: 5_000, max_attempts: 1 });
    const seen: number[] = [];
    await until(
      async () => {
        const { finished_at, progress } = await getJob(replica, id);
        if (progress !== null) seen.push(progress);
        return finished_at !== null;
      },
      { what: "the replay has ended", timeoutMs: WITHIN_MS },
    );
    expect(seen).toEqual([...seen].sort((one, other) => one - other));
    const job = await getJob(replica, id);
    expect(job).toMatchObject({ status: "completed", attempt: 1, result: { matched: 80, replayed: 80 } });
    // 80 at 10 a second, over all attempts
    expect(Date.parse(job.finished_at ?? "") - Date.parse(job.created_at)).toBeGreaterThan(7_890);
    const released = replica.lines().filter(({ job_id: of, outcome }) => of === id && outcome === "released");
    expect(released.length).toBeGreaterThan(2);
    await expectOneEach(replica, "long", originals);
  });

  it("is released at once when its replica drains, and continues on the next", async () => {
    const originals = await failed(replica, "drained", 40);
    const { id } = (await call(replica, "POST", "/api/v1/jobs/replay", { tag: "drained", rate: 10 })).body as ApiJob;
    await until(async () => (await rerunsOfJob(replica, "drained")).length >= 10, { what: "some reruns are enqueued" });
    await replica.close(); // its DRAIN_MS is 25 s, and the replay's next save comes within one
    const stopped = replica;
    replica = await start();
    const before = (await rerunsOfJob(replica, "drained")).length;
    expect(before).toBeLessThan(40);
    expect(await jobWhen(replica, id)).toMatchObject({
      status: "completed",
      attempt: 1,
      result: { matched: 40, replayed: 40 },
    });
    expect(stopped.lines().some(({ job_id: of, outcome }) => of === id && outcome === "released")).toBe(true);
    await expectOneEach(replica, "drained", originals);
  });
});

it("a replay whose replica is killed again and again ends with one copy of each job, and counts them all", {
  timeout: 400_000,
}, async () => {
  const { start } = await installation();
  const witness = await start({ WORKER_TYPES: "test_io" }).ready();
  const originals = await failed(witness, "killed", 100);
  const { id } = (await call(witness, "POST", "/api/v1/jobs/replay", { tag: "killed", rate: 10 })).body as ApiJob;
  for (let kills = 1, made = 0; kills <= 5; kills++) {
    // one more than the crash budget
    const victim = await start({ WORKER_TYPES: "replay" }).ready();
    made = await until(
      async () => {
        const count = (await rerunsOfJob(witness, "killed")).length;
        return count >= made + 12 ? count : undefined;
      },
      { what: `copies are made before kill ${kills}`, timeoutMs: WITHIN_MS },
    );
    await victim.kill();
  }
  await start({ WORKER_TYPES: "replay" }).ready();
  const job = await until(
    async () => {
      const read = await getJob(witness, id);
      return read.finished_at === null ? undefined : read;
    },
    { what: "the replay has ended", timeoutMs: WITHIN_MS },
  );
  expect(job).toMatchObject({ status: "completed", attempt: 1, result: { matched: 100, replayed: 100 } });
  await expectOneEach(witness, "killed", originals);
});
