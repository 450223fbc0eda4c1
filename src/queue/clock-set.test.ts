/**
 * Redis's clock is corrected while jobs wait and run, as after a failover to a machine whose clock was wrong.
 */
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeRecord } from "../core/attempt-record.ts";
import { timeOfId } from "../core/id.ts";
import type { Job } from "../core/job.ts";
import { enqueue, enqueueRaw, ioSlots, openQueue, submission } from "../testing/queue.ts";
import { settableClock } from "../testing/script-clock.ts";
import { freshRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import type { Queue } from "./queue.ts";
import type { Settlement } from "./settlement.ts";

const DAY_MS = 86_400_000;
const LEASE_MS = 600;
const NS = "{taskflow:0}:";
const setClock = settableClock();

let redis: Redis;
let address: string;
let queue: Queue;
let seq = 0;
beforeEach(async () => {
  ({ address } = await freshRedis());
  redis = new Redis(address);
  queue = await openQueue(address, { leaseMs: LEASE_MS });
});
afterEach(() => {
  queue.close();
  redis.disconnect();
});

/** One turn of a replica's loop: it renews its leases (here it has none) and claims. */
async function turn(): Promise<{ readonly claimed: readonly Job[]; readonly lost: readonly Job[] }> {
  await queue.renew([], "{}");
  seq += 1;
  return queue.claim(seq, 1, ioSlots({ noop: 10 }));
}

/** Sets the clock, and lets the replica run two turns with it. */
async function runWithClock(aheadMs: number): Promise<void> {
  await setClock(redis, aheadMs);
  await turn();
  await turn();
}

/** A job that was claimed while the clock was wrong. */
async function claimedAhead(options: Parameters<typeof submission>[0] = {}): Promise<Job> {
  await runWithClock(DAY_MS);
  await enqueue(queue, submission(options));
  const [job] = (await turn()).claimed;
  if (!job) throw new Error("nothing was claimed");
  return job;
}

const settlementOf = (job: Job, verdict: "completed" | "retry", runAt: number): Settlement => ({
  id: job.id,
  type: job.type,
  priority: job.priority,
  claimSeq: job.claimSeq,
  startedAt: job.startedAt ?? 0,
  attempt: 1,
  crashes: 0,
  deferrals: 0,
  verdict,
  runAt,
  record: encodeRecord({
    attempt: 1,
    outcome: verdict === "completed" ? "completed" : "retry",
    worker: job.worker,
    started_at: job.startedAt,
    finished_at: queue.clock.now(),
    ...(verdict === "completed" ? { result: "1" } : { next_at: runAt }),
  }),
});

describe("after Redis's clock was a day ahead", () => {
  it("the lease of a dead replica ends without delay", async () => {
    const dead = await openQueue(address, { leaseMs: LEASE_MS });
    await runWithClock(DAY_MS);
    await dead.renew([], "{}");
    const [id] = await enqueue(queue, submission());
    expect((await dead.claim(0, 1, ioSlots({ noop: 1 }))).claimed).toHaveLength(1);
    dead.close();
    await setClock(redis, 0);
    await until(async () => (await turn()).lost.some((job) => job.id === id), { what: "its job is found lost" });
    expect((await queue.jobCounts()).unaccounted).toBe(0);
  });

  it("a renewed lease continues", async () => {
    const { id, claimSeq } = await claimedAhead();
    await setClock(redis, 0);
    const endAt = performance.now() + 4 * LEASE_MS;
    while (performance.now() < endAt) {
      expect(await queue.renew([{ id, claimSeq, progress: null }], "{}")).toEqual(new Map());
      seq += 1;
      expect((await queue.claim(seq, 1, ioSlots({ noop: 10 }))).lost).toEqual([]);
    }
  });

  it("new job ids contain the corrected time", async () => {
    await runWithClock(DAY_MS);
    expect(timeOfId(queue.ids.next()) - Date.now()).toBeGreaterThan(DAY_MS / 2);
    await runWithClock(0);
    expect(Math.abs(timeOfId(queue.ids.next()) - Date.now())).toBeLessThan(5_000);
  });

  it("an outcome from that day is swept without delay", async () => {
    const job = await claimedAhead();
    await queue.settle([settlementOf(job, "completed", 0)], 300);
    await setClock(redis, 0);
    await until(async () => (await queue.sweep(300, 10)).length > 0, { what: "it is taken over" });
  });

  it.each([
    ["was settled before the correction", 0],
    ["is settled by a replica that has not learned of the correction", 1],
  ])("a retry that %s starts after its intended delay", async (_, isLate) => {
    const job = await claimedAhead();
    const settlement = settlementOf(job, "retry", queue.clock.now() + 500);
    if (isLate === 0) await queue.settle([settlement], 300);
    await setClock(redis, 0);
    if (isLate === 1) await queue.settle([settlement], 300);
    const settledAt = performance.now();
    await until(async () => (await turn()).claimed.some(({ id }) => id === job.id), { what: "it is tried again" });
    expect(performance.now() - settledAt).toBeGreaterThan(350);
  });

  it("a retry among many is found", async () => {
    await runWithClock(DAY_MS);
    await enqueue(
      queue,
      ...Array.from({ length: 3_000 }, () => submission({ options: { run_at: Date.now() + 30 * DAY_MS } })),
    );
    const job = await claimedAhead();
    await queue.settle([settlementOf(job, "retry", queue.clock.now() + 200)], 300);
    await setClock(redis, 0);
    await until(async () => (await turn()).claimed.some(({ id }) => id === job.id), { what: "it is tried again" });
  });

  it("a job keeps its run_at", async () => {
    await runWithClock(DAY_MS);
    const runAt = queue.clock.now() + DAY_MS;
    const [id = ""] = await enqueue(queue, submission({ options: { run_at: runAt } }));
    await runWithClock(0);
    await turn();
    expect(await redis.zscore(`${NS}scheduled`, id)).toBe(String(runAt));
  });

  it("a dead replica disappears from the counts", async () => {
    const dead = await openQueue(address, { leaseMs: LEASE_MS });
    await setClock(redis, DAY_MS);
    await dead.renew([], `{"id":"dead"}`);
    // only the clock of the scripts is set: the key would expire by the real one
    await redis.pexpire(`${NS}replica:${(await redis.zrange(`${NS}replicas`, "-1", "-1"))[0] ?? ""}`, DAY_MS);
    dead.close();
    await setClock(redis, 0);
    await until(
      async () => {
        await turn();
        return !(await queue.jobCounts()).replicas.includes(`{"id":"dead"}`);
      },
      { what: "it is gone" },
    );
  });
});

describe("a call", () => {
  it("by a replica that has not learned that the clock went back changes nothing, and the next call does", async () => {
    await runWithClock(DAY_MS);
    await setClock(redis, 0);
    const submit = () => enqueueRaw(queue, { ids: [queue.ids.next()], submissions: [submission()] });
    expect(await submit()).toMatchObject({ kind: "failed", error: { code: "queue_unavailable" } });
    expect(await submit()).toEqual({ kind: "enqueued" });
    expect((await queue.jobCounts()).accepted).toBe(1);
  });
});

describe("a token bucket", () => {
  const second = { quota: 5, windowMs: 1_000 };
  const take = async (cost: number, needed: number, policy = second) =>
    (await queue.take([[{ name: "key:requests", policy, cost, needed }]]))[0]?.[0];

  it("is full after the clock went back by more than its window", async () => {
    await setClock(redis, 3_600_000);
    while ((await take(1, 1))?.suffices) continue;
    await setClock(redis, 0);
    expect(await take(1, 1)).toMatchObject({ suffices: true, left: 4 });
  });

  it("keeps a debt that is longer than its window until it is paid", async () => {
    const hour = { quota: 100, windowMs: 3_600_000 };
    await setClock(redis, DAY_MS);
    await take(300, 0, hour);
    await setClock(redis, 0);
    const owed = await take(1, 1, hour);
    expect(owed?.suffices).toBe(false);
    expect((owed?.wholeInMs ?? 0) / 3_600_000).toBeCloseTo(3, 1);
    await setClock(redis, 3_600_000); // an hour later
    expect(((await take(1, 1, hour))?.wholeInMs ?? 0) / 3_600_000).toBeCloseTo(2, 1);
    await setClock(redis, 2 * 3_600_000 + 60_000);
    expect(await take(1, 1, hour)).toMatchObject({ suffices: true });
  });
});

describe("a destination", () => {
  const visit = () =>
    queue.destinations.enter({ host: "api.example", path: "/", caller: "" }, { concurrency: 2, perSecond: 0 });

  it("admits visits again after those of a dead replica expire", async () => {
    await runWithClock(DAY_MS);
    const other = await openQueue(address, { leaseMs: LEASE_MS });
    await other.renew([], "{}");
    await redis.persist(`${NS}replica:${(await redis.zrange(`${NS}replicas`, "-1", "-1"))[0] ?? ""}`);
    for (let i = 0; i < 2; i += 1)
      await other.destinations.enter({ host: "api.example", path: "/", caller: "" }, { concurrency: 2, perSecond: 0 });
    for (const key of await redis.keys(`${NS}held:*`)) await redis.persist(key);
    other.close();
    await runWithClock(0);
    await until(
      async () => {
        await turn();
        return visit().then(
          () => true,
          () => false,
        );
      },
      { what: "a visit is admitted" },
    );
  });
});
