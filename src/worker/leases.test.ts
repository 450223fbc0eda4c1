import { Redis } from "ioredis";
import { Type } from "typebox";
import { afterEach, expect, it } from "vitest";
import { exponential } from "../core/backoff.ts";
import type { Job } from "../core/job.ts";
import { type AnyJobDefinition, defineJob } from "../core/job-type.ts";
import { OutcomeUnknown } from "../errors.ts";
import { Attempt } from "../execute/attempt.ts";
import { Executor } from "../execute/executor.ts";
import type { Queue } from "../queue/queue.ts";
import { noThread } from "../testing/no-thread.ts";
import { enqueue, ioSlots, openQueue, submission } from "../testing/queue.ts";
import { freshRedis } from "../testing/services.ts";
import { smallPayloads } from "../testing/small-payloads.ts";
import { until } from "../testing/until.ts";
import { Beat } from "./beat.ts";
import { Leases } from "./leases.ts";
import { Settler } from "./settler.ts";
import { Slots } from "./slots.ts";
import { Worker } from "./worker.ts";

const LEASE_MS = 500;
const BACKOFF = exponential(60_000, 60_000);
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const noop = defineJob({
  type: "noop",
  lane: "io",
  payload: Type.Object({}),
  attempts: 3,
  timeoutMs: 1_000,
  backoff: BACKOFF,
  run: () => null,
}) as AnyJobDefinition;

async function queueOn(address: string): Promise<Queue> {
  const queue = await openQueue(address, { leaseMs: LEASE_MS });
  closers.push(() => queue.close());
  return queue;
}

function leasesOf(queue: Queue, onRenewal: () => void = () => undefined): Leases {
  const about = (): string => {
    onRenewal();
    return "{}";
  };
  const leases = new Leases({
    queue,
    leaseMs: LEASE_MS,
    beat: new Beat(),
    about,
    onGivenUp: () => undefined,
    onError: () => undefined,
  });
  closers.push(() => leases.close());
  return leases;
}

/** A replica that runs these types, and whose settles get no answer until it is `healed`. */
async function cutReplica(address: string, definitions: readonly AnyJobDefinition[]) {
  const queue = await queueOn(address);
  const seen = { settles: 0, renewals: 0, isHealed: false, settled: [] as string[] };
  const settle: Queue["settle"] = async (...args) => {
    seen.settles += 1;
    if (!seen.isHealed) throw new OutcomeUnknown("no answer");
    return queue.settle(...args);
  };
  const leases = leasesOf(queue, () => {
    seen.renewals += 1;
  });
  const settler = new Settler({
    queue: { settle, clock: queue.clock },
    replica: "unused",
    backoffOf: () => BACKOFF,
    onTerminal: () => undefined,
    onSettled: (job, outcome) => {
      worker.settled(job, outcome);
      seen.settled.push(outcome);
    },
    callbackOf: () => undefined,
    onError: () => undefined,
  });
  const executor = new Executor({
    ...smallPayloads,
    definitions,
    threads: { run: noThread, tasks: { run: noThread } },
    log: () => undefined,
  });
  const hooks = {
    onPickup: () => undefined,
    onRan: () => undefined,
    onAttempt: () => undefined,
    onError: () => undefined,
    onUnfit: () => undefined,
  };
  const worker = new Worker({
    queue,
    executor,
    slots: new Slots(definitions, 10, 0),
    leases,
    settler,
    claimLimit: 10,
    shouldPause: () => false,
    hooks,
  });
  closers.push(() => {
    seen.isHealed = true;
    return worker.drain(0);
  });
  leases.start();
  worker.open();
  return { seen, leases };
}

it.each([
  { what: "lost elsewhere", definitions: [], expiresAt: undefined, crashes: 1, outcome: "lost", status: "queued" },
  { what: "claimed too late", definitions: [noop], expiresAt: 1, crashes: 0, outcome: "failed", status: "failed" },
])(
  "renews the lease of a job that was $what until its settle is answered",
  async ({ definitions, expiresAt, crashes, outcome, status }) => {
    const { address } = await freshRedis();
    const other = await queueOn(address);
    const [id = ""] = await enqueue(
      other,
      submission({ payload: "{}", options: expiresAt === undefined ? {} : { expires_at: expiresAt } }),
    );
    if (outcome === "lost") {
      await other.claim(1, 1, ioSlots({ noop: 1 }));
      const redis = new Redis(address);
      await redis.zadd("{taskflow:0}:leased", 1, id);
      redis.disconnect();
    }
    const { seen, leases } = await cutReplica(address, definitions);
    await until(() => seen.settles > 0, { what: "it has judged the job" });
    const before = seen.renewals;
    const lostAgain: Job[] = [];
    let seq = 1;
    await until(
      async () => {
        seq += 1;
        lostAgain.push(...(await other.claim(seq, 1, ioSlots({}))).lost);
        return seen.renewals > before + 7; // more than two leases
      },
      { what: "two leases have passed" },
    );
    expect(lostAgain).toEqual([]);
    seen.isHealed = true;
    await until(() => seen.settled.length > 0, { what: "it is settled" });
    expect(seen.settled).toEqual([outcome]);
    expect(leases.jobs).toEqual([]);
    expect(await other.read([id])).toMatchObject([{ crashes, status }]);
  },
);

it("tells a lease from another of the same job: the older attempt is stopped as lost, and its end does not give the newer lease up", async () => {
  const { address } = await freshRedis();
  const queue = await queueOn(address);
  const [id = ""] = await enqueue(queue, submission());
  const [first] = (await queue.claim(1, 1, ioSlots({ noop: 1 }))).claimed;
  const redis = new Redis(address);
  await redis.zadd("{taskflow:0}:leased", 1, id);
  redis.disconnect();
  const [again] = (await queue.claim(2, 1, ioSlots({}))).lost;
  if (!first || !again) throw new Error("nothing claimed");
  let renewals = 0;
  const leases = leasesOf(queue, () => {
    renewals += 1;
  });
  const attempt = new Attempt(first, 60_000, () => undefined);
  leases.add(attempt, performance.now());
  leases.addJudged([again], performance.now());
  expect(attempt.stopReason).toBe("lost");
  leases.release(first);
  expect(leases.jobs).toEqual([again]);
  leases.start();
  await until(() => renewals > 7, { what: "two leases have passed" });
  expect((await queue.claim(3, 1, ioSlots({}))).lost).toEqual([]);
});

/** Leases whose renewals get no answer. */
function unrenewed(beat: Beat): Leases {
  const queue = {
    renew: () => Promise.reject(new OutcomeUnknown("no answer")),
    reportProgress: () => Promise.resolve(),
  };
  const leases = new Leases({
    queue,
    leaseMs: LEASE_MS,
    beat,
    about: () => "{}",
    onGivenUp: () => undefined,
    onError: () => undefined,
  });
  closers.push(() => leases.close());
  return leases;
}

const jobOf = (id: string): Job => ({ id, claimSeq: 1 }) as Job;

it("keeps jobs whose leases the guard has renewed, and stops those that nobody has", async () => {
  const beat = new Beat();
  const leases = unrenewed(beat);
  const attempt = new Attempt(jobOf("1"), 60_000, () => undefined);
  leases.add(attempt, performance.now() - 2 * LEASE_MS);
  const guardedAt = performance.now() + 2 * LEASE_MS;
  beat.guardedAt = guardedAt;
  leases.start();
  await until(() => performance.now() > guardedAt, { what: "the lease of the guard has begun" });
  expect(attempt.stopReason).toBeUndefined();
  await until(() => attempt.stopReason !== undefined, { what: "it is stopped" });
  expect(attempt.stopReason).toBe("lost");
  expect(performance.now() - guardedAt).toBeGreaterThan(LEASE_MS - 1);
});

it("ends an attempt at its time, though the guard has kept its lease", async () => {
  const beat = new Beat();
  const leases = unrenewed(beat);
  const attempt = new Attempt(jobOf("1"), 1, () => undefined);
  leases.add(attempt, performance.now() - 2 * LEASE_MS);
  beat.guardedAt = performance.now();
  leases.start();
  await until(() => attempt.stopReason !== undefined, { what: "it is stopped" });
  expect(attempt.stopReason).toBe("timeout");
});

it("renews at most 1,000 leases in one call, and is done when all calls are", async () => {
  const calls: number[] = [];
  const beat = new Beat();
  const queue = {
    renew: (leases: Iterable<unknown>) => {
      calls.push([...leases].length);
      return Promise.resolve(new Map<string, "lost" | "cancelled">());
    },
    reportProgress: () => Promise.resolve(),
  };
  const leases = new Leases({
    queue,
    leaseMs: 60_000,
    beat,
    about: () => "{}",
    onGivenUp: () => undefined,
    onError: () => undefined,
  });
  closers.push(() => leases.close());
  leases.addJudged(
    Array.from({ length: 2_500 }, (_, i) => jobOf(String(i))),
    performance.now(),
  );
  leases.start();
  const startedAt = beat.renewedAt;
  await until(() => calls.length === 3 && beat.renewedAt !== startedAt, { what: "all are renewed" });
  expect(calls).toEqual([1_000, 1_000, 500]);
});

it("promises the guard a beat within a tick as soon as jobs are about to start", () => {
  const beat = new Beat();
  const leases = unrenewed(beat);
  leases.start();
  leases.expectJobs();
  expect((beat.dueAt ?? 0) - performance.now()).toBeLessThanOrEqual(100);
});
