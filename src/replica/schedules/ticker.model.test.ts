/**
 * Three replicas of one installation, which die at any point: whatever happens in whatever order, each tick has exactly
 * one run in the history, and each fired run exactly one job. Durable jobs go through a real acceptance log.
 */
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { at } from "../../core/at.ts";
import type { ScheduleRun } from "../../core/schedules/schedule.ts";
import { Audit } from "../../queue/audit.ts";
import type { Queue } from "../../queue/queue.ts";
import type { RedisSchedules } from "../../queue/schedules.ts";
import { AcceptanceLogWriter } from "../../results/acceptance-log/writer.ts";
import { migrate } from "../../results/migrate.ts";
import { Store } from "../../results/store.ts";
import { isFull } from "../../testing/full.ts";
import { enqueueRaw, openQueue } from "../../testing/queue.ts";
import { contradictionsOf } from "../../testing/schedules.ts";
import { settableClock } from "../../testing/script-clock.ts";
import { freshDatabase, freshRedis } from "../../testing/services.ts";
import { scheduleOf, tickOnce } from "../../testing/ticking.ts";

const setClock = settableClock();
const REPLICAS = 3;
const EVERY_MS = 1_000;
const everySecond = { kind: "every", everyMs: EVERY_MS, offsetMs: 0 } as const;
const NAMES = ["plain", "durable", "made_up"];
const DURABLE_JOB = `{"type":"noop","payload":{},"durability":"postgres"}`;

let redis: Redis;
let queues: Queue[];
let audit: Audit;
let acceptanceLogWriter: AcceptanceLogWriter;
let store: Store;

beforeAll(async () => {
  const { address } = await freshRedis();
  redis = new Redis(address);
  queues = await Promise.all(Array.from({ length: REPLICAS }, () => openQueue(address)));
  audit = new Audit(address, "taskflow:0");
  await audit.open(5_000);
  const { url } = await freshDatabase();
  await migrate(url);
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  acceptanceLogWriter = new AcceptanceLogWriter({ databaseUrl: url, namespace: "taskflow:0", log });
  store = new Store(url);
});
afterAll(async () => {
  queues.forEach((queue) => queue.close());
  audit.close();
  redis.disconnect();
  await acceptanceLogWriter.close();
  await store.close();
});

/** Where a replica dies, or loses a reply. `restored`: it dies after the commit, and a restore enqueues the job. */
const FAULTS = [
  "none",
  "before_advance",
  "after_advance",
  "before_commit",
  "before_fire",
  "after_fire",
  "restored",
] as const;
type Fault = (typeof FAULTS)[number];

class Died extends Error {}
const die = (): Promise<never> => Promise.reject(new Died());

/** The schedules of a replica with a fault. */
function faulty(queue: Queue, fault: Fault): Queue {
  const { schedules } = queue;
  const doubled: Pick<RedisSchedules, "take" | "advance" | "fire" | "listen"> = {
    listen: () => undefined,
    take: () => schedules.take(),
    advance: async (advances) => {
      if (fault === "before_advance") return die();
      const done = await schedules.advance(advances);
      return fault === "after_advance" ? die() : done;
    },
    fire: async (jobs, notAfter) => {
      if (fault === "restored")
        for (const { id, submission } of jobs) await enqueueRaw(queue, { ids: [id], submissions: [submission] });
      if (fault === "before_fire" || fault === "restored") return die();
      await schedules.fire(jobs, notAfter);
      if (fault === "after_fire") return die();
    },
  };
  return { schedules: doubled, clock: queue.clock } as unknown as Queue;
}

async function step(queue: Queue, fault: Fault): Promise<void> {
  await tickOnce(faulty(queue, fault), {
    store,
    acceptanceLogWriter: {
      accept: (acceptance, done) =>
        fault === "before_commit"
          ? done({ kind: "failed", error: new Died() as never })
          : acceptanceLogWriter.accept(acceptance, done),
    },
    onInvalid: (_, reason) => expect(reason).toBeUndefined(),
    onError: (error) => expect(error).toBeInstanceOf(Died),
  });
}

const steps = fc.array(
  fc.record({
    replica: fc.integer({ min: 0, max: REPLICAS - 1 }),
    waitMs: fc.integer({ min: 0, max: 4_000 }),
    fault: fc.constantFrom(...FAULTS),
  }),
  { minLength: 1, maxLength: 25 },
);

const ticksOf = (runs: readonly ScheduleRun[]): number[] => runs.map(({ tick }) => tick).sort((a, b) => a - b);

it("decides each tick once, and enqueues one job for each fired tick", { timeout: 600_000 }, async () => {
  const property = fc.asyncProperty(steps, async (sequence) => {
    await redis.flushdb();
    const queue = at(queues, 0);
    const start = Math.floor((await queue.time()) / EVERY_MS) * EVERY_MS;
    await queue.schedules.put([
      scheduleOf("plain", start, { timing: everySecond }),
      scheduleOf("durable", start, { timing: everySecond, job: DURABLE_JOB }),
      scheduleOf("made_up", start, {
        timing: everySecond,
        catchUp: { policy: "all", withinMs: null, max: 3 },
        job: DURABLE_JOB,
      }),
    ]);
    let aheadMs = 0;
    const go = async (replica: number, waitMs: number, fault: Fault): Promise<void> => {
      aheadMs += waitMs;
      await setClock(redis, aheadMs);
      await step(at(queues, replica), fault);
    };
    for (const { replica, waitMs, fault } of sequence) await go(replica, waitMs, fault);
    // longer than a replica that died has a schedule: what it left is taken and finished
    for (const replica of [0, 1, 2]) await go(replica, 2_500, "none");
    for (const name of NAMES) await redis.zadd("{taskflow:0}:schedule_ticks", "inf", name); // no further ticks
    await go(0, 2_500, "none");

    const states = await queue.schedules.read(NAMES);
    const { runs } = await queue.schedules.pendingRuns(100_000);
    for (const { state } of states.flatMap((one) => one ?? [])) {
      const ofSchedule = runs.filter(({ schedule }) => schedule === state.id);
      const expected = Array.from({ length: (state.decided - start) / EVERY_MS }, (_, i) => start + (i + 1) * EVERY_MS);
      expect(ticksOf(ofSchedule)).toEqual(expected);
      expect(
        ofSchedule.every(({ outcome, reason, jobId }) => (reason === null) === (jobId !== null) || outcome === "late"),
      ).toBe(true);
    }
    const jobIds = runs.flatMap(({ jobId }) => jobId ?? []);
    expect(await queue.missing(jobIds)).toEqual([]);
    expect((await queue.jobCounts()).types.map(({ accepted, queued }) => [accepted, queued])).toEqual(
      jobIds.length === 0 ? [] : [[jobIds.length, jobIds.length]],
    );
    expect(await redis.exists("{taskflow:0}:schedule_jobs")).toBe(0);
    expect(await contradictionsOf(audit)).toEqual([]);
  });
  await fc.assert(property, { numRuns: isFull ? 500 : 40 });
});
