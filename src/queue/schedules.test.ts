/** The working copies of schedules, and the scripts that take, advance and fire. */
import { afterEach, describe, expect, it } from "vitest";
import { at } from "../core/at.ts";
import { outcomeOf } from "../core/attempt-record.ts";
import { redisCommand } from "../embedded/redis-command.ts";
import { QueueUnavailable } from "../errors.ts";
import { idsOf, settlement, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { contradictionsOf, copyOf, firing, newSchedule, runOf, stateOf } from "../testing/schedules.ts";
import { settableClock } from "../testing/script-clock.ts";
import { ownRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { Audit } from "./audit.ts";
import { forgettableOf } from "./forgetting.ts";
import type { Queue } from "./queue.ts";
import type { ScheduleJob, TakenSchedule } from "./schedules.ts";

const setClock = settableClock();
const setup = setUpQueues();
const NS = "{taskflow:0}:";
const FAR = 4_000_000_000_000;
const TAKEN_MS = 2_000;

const audits: Audit[] = [];
afterEach(() => audits.splice(0).forEach((audit) => audit.close()));

async function contradictions(): Promise<string[]> {
  const audit = new Audit(setup().address, "taskflow:0");
  audits.push(audit);
  await audit.open(5_000);
  return contradictionsOf(audit);
}

const jobOf = (queue: Queue, changes: Parameters<typeof submission>[0] = {}): ScheduleJob => ({
  id: queue.ids.next(),
  submission: submission(changes),
});
const durable = { options: { durability: "postgres" } } as const;

async function takeOne(queue: Queue): Promise<TakenSchedule> {
  const { schedules } = await queue.schedules.take();
  expect(schedules).toHaveLength(1);
  return at(schedules, 0);
}

/** A replica with one schedule that is due, taken. */
async function oneTaken(): Promise<{ queue: Queue; taken: TakenSchedule }> {
  const queue = await setup().replica();
  await queue.schedules.put([newSchedule("a", 1)]);
  return { queue, taken: await takeOne(queue) };
}

describe("taking schedules", () => {
  it("gives each due schedule to one replica, and again once that replica had its time", async () => {
    const { redis, replica } = setup();
    const [one, other] = [await replica(), await replica()];
    await one.schedules.put([newSchedule("a", 1), newSchedule("b", 2), newSchedule("later", FAR)]);
    const taken = await one.schedules.take();
    expect(taken.schedules.map(({ copy, lastJobLives }) => [copy, lastJobLives])).toEqual([
      [copyOf("a"), false],
      [copyOf("b"), false],
    ]);
    expect([taken.total, taken.next]).toEqual([3, taken.now + TAKEN_MS]);
    expect((await other.schedules.take()).schedules).toEqual([]);
    await setClock(redis, TAKEN_MS + 1);
    expect((await other.schedules.take()).schedules).toHaveLength(2);
  });

  it("replies with the time of the next look, and with none for an installation without schedules", async () => {
    const queue = await setup().replica();
    const seen: number[] = [];
    queue.schedules.listen({ onNext: (lookAt) => seen.push(lookAt) });
    await queue.sweep(30_000, 10);
    expect([(await queue.schedules.take()).next, seen]).toEqual([null, []]);
    await queue.schedules.put([newSchedule("paused", null)]);
    await queue.sweep(30_000, 10);
    expect([(await queue.schedules.take()).next, seen]).toEqual([null, []]);
    await queue.schedules.put([newSchedule("a", FAR)]);
    await queue.sweep(30_000, 10);
    expect([(await queue.schedules.take()).next, seen]).toEqual([FAR, [FAR, FAR]]);
  });

  it("takes a bounded number of schedules, and of bytes", async () => {
    const queue = await setup().replica();
    const large = { definition: "x".repeat(100_000) };
    await queue.schedules.put(Array.from({ length: 220 }, (_, i) => newSchedule(`small${i}`, 1)));
    expect((await queue.schedules.take()).schedules).toHaveLength(100);
    expect((await queue.schedules.take()).schedules).toHaveLength(100);
    expect((await queue.schedules.take()).schedules).toHaveLength(20);
    await queue.schedules.put(Array.from({ length: 5 }, (_, i) => newSchedule(`large${i}`, 1, large)));
    expect((await queue.schedules.take()).schedules).toHaveLength(3);
  });
});

describe("advancing schedules", () => {
  it("enqueues jobs in the order of submitted ones: by priority, then by turns of the groups", async () => {
    const { queue, taken } = await oneTaken();
    const groups = ["one", "one", "one", "two", "two", "three"];
    const jobs = [4, 8].flatMap((priority) => groups.map((groupKey) => jobOf(queue, { groupKey, priority })));
    await queue.schedules.advance([firing(taken, 5, jobs.slice(0, 2))]);
    await queue.schedules.advance([firing(await takeOne(queue), 6, jobs.slice(2))]);
    expect(await contradictions()).toEqual([]);
    const { claimed } = await setup().claim(queue, { noop: 20 });
    const turns = ["one", "two", "three", "one", "two", "one"];
    expect(claimed.map(({ priority, groupKey }) => `${priority} ${groupKey}`)).toEqual(
      [8, 4].flatMap((priority) => turns.map((group) => `${priority} ${group}`)),
    );
  });

  it("enqueues the jobs, adds the runs and counts what it enqueued, once", async () => {
    const { claim } = setup();
    const { queue, taken } = await oneTaken();
    const job = jobOf(queue, { groupKey: "g h", options: { tags: ["x", "y"] } });
    const advance = firing(taken, 5, [job]);
    expect(await queue.schedules.advance([advance])).toEqual([true]);
    expect(await queue.schedules.advance([advance])).toEqual([false]);
    expect(await contradictions()).toEqual([]);
    expect((await queue.jobCounts()).types).toMatchObject([{ type: "noop", accepted: 1, queued: 1 }]);
    expect(await queue.schedules.pendingRuns(10)).toMatchObject({ runs: advance.runs });
    expect(await setup().redis.zrange(`${NS}index`, "0", "-1")).toEqual(
      ["gg h", "tx", "ty"].map((name) => `${name}\0${job.id}`),
    );
    const { claimed } = await claim(queue);
    expect(claimed).toMatchObject([{ id: job.id, ...job.submission }]);
    expect(await queue.schedules.read(["a"])).toMatchObject([{ state: advance.state }]);
  });

  it("changes nothing for a schedule that somebody else changed, and applies the others", async () => {
    const queue = await setup().replica();
    await queue.schedules.put([newSchedule("a", 1), newSchedule("b", 1)]);
    const { schedules } = await queue.schedules.take();
    const [a, b] = [at(schedules, 0), at(schedules, 1)];
    const paused = stateOf(copyOf("a"), { pause: { reason: null, until: null, at: 1, by: null } });
    expect(await queue.schedules.put([{ copy: a.copy, before: a.text, state: paused, lookAt: null }])).toEqual([true]);
    const [ofA, ofB] = [jobOf(queue), jobOf(queue)];
    expect(await queue.schedules.advance([firing(a, 5, [ofA]), firing(b, 5, [ofB])])).toEqual([false, true]);
    expect(idsOf(await queue.read([ofA.id, ofB.id]))).toEqual([ofB.id]);
    expect((await queue.schedules.pendingRuns(10)).runs).toMatchObject([{ name: "b" }]);
    expect(await queue.schedules.read(["a"])).toMatchObject([{ state: paused }]);
  });

  it("does not count a job that Redis has already", async () => {
    const { queue, taken } = await oneTaken();
    const job = jobOf(queue);
    await queue.schedules.advance([firing(taken, 5, [job], 1)]);
    const again = await takeOne(queue);
    await queue.schedules.advance([firing(again, 6, [job])]);
    expect((await queue.jobCounts()).types).toMatchObject([{ accepted: 1, queued: 1 }]);
    expect(await contradictions()).toEqual([]);
  });

  it("wakes an idle replica, and announces the job to those who watch", async () => {
    const { redis, replica, claim } = setup();
    const { queue, taken } = await oneTaken();
    let wakes = 0;
    await claim(await replica({ onWake: () => void (wakes += 1) }));
    const before = wakes;
    await redis.set(`${NS}watched`, "someone");
    const job = jobOf(queue);
    await queue.schedules.advance([firing(taken, 5, [job])]);
    await until(() => wakes > before, { what: "the replica is woken" });
    const [entry] = await queue.history({ before: undefined }, 1);
    expect(entry?.lines).toBe(`q${job.id}noop`);
  });

  it("knows whether the last job has ended", async () => {
    const { claim } = setup();
    const { queue, taken } = await oneTaken();
    const job = jobOf(queue);
    const lives = async (): Promise<boolean> => {
      const again = await takeOne(queue);
      await queue.schedules.advance([{ ...firing(again, 6, [], 1), runs: [] }]);
      return again.lastJobLives;
    };
    await queue.schedules.advance([firing(taken, 5, [job], 1)]);
    expect(await lives()).toBe(true); // queued
    const { claimed } = await claim(queue);
    expect(await lives()).toBe(true); // running
    await queue.settle(
      claimed.map((one) => settlement(one, { verdict: "retry", runAt: FAR, attempt: 1 })),
      30_000,
    );
    expect(await lives()).toBe(true); // retrying
    await queue.cancel(job.id, 30_000, () => undefined);
    expect(await lives()).toBe(false); // in the outbox
    await queue.forget((await queue.read([job.id])).map(outcomeOf).flatMap((one) => (one ? [forgettableOf(one)] : [])));
    expect(await queue.missing([job.id])).toEqual([job.id]);
    expect(await lives()).toBe(false);
  });
});

describe("a durable job of a schedule", () => {
  it("waits until it is fired, and belongs to one replica at a time", async () => {
    const { redis, replica } = setup();
    const { queue, taken } = await oneTaken();
    const job = jobOf(queue, durable);
    await queue.schedules.advance([firing(taken, 5, [job], FAR)]);
    expect(await queue.read([job.id])).toEqual([]);
    expect(await queue.schedules.waiting(job.id)).toMatchObject(job.submission);
    const first = await queue.schedules.take();
    expect(first).toMatchObject({ schedules: [], jobs: [{ id: job.id, submission: job.submission }] });
    expect((await queue.schedules.take()).jobs).toEqual([]);
    await setClock(redis, TAKEN_MS + 1); // that replica died
    const other = await replica();
    const { now, jobs } = await other.schedules.take();
    const ready = jobs.map((one) => ({ ...one, isRecorded: false }));
    await other.schedules.fire(ready, now + 5_000);
    await queue.schedules.fire(ready, now + 5_000); // it was not dead
    expect(await queue.schedules.waiting(job.id)).toBeUndefined();
    expect((await queue.jobCounts()).types).toMatchObject([{ accepted: 1, queued: 1 }]);
    expect(await contradictions()).toEqual([]);
    expect((await queue.schedules.take()).next).toBe(FAR);
  });

  it("counts as the schedule's last job that has not ended", async () => {
    const { queue, taken } = await oneTaken();
    await queue.schedules.advance([firing(taken, 5, [jobOf(queue, durable)], 1)]);
    expect((await takeOne(queue)).lastJobLives).toBe(true);
  });

  it("is dropped if Postgres has its row, and not fired too late", async () => {
    const { queue, taken } = await oneTaken();
    const [one, other] = [jobOf(queue, durable), jobOf(queue, durable)];
    await queue.schedules.advance([firing(taken, 5, [one, other], FAR)]);
    await expect(queue.schedules.fire([{ ...one, isRecorded: false }], 1)).rejects.toThrow("too late");
    const { now } = await queue.schedules.take();
    await queue.schedules.fire(
      [
        { ...one, isRecorded: true },
        { ...other, isRecorded: false },
      ],
      now + 5_000,
    );
    expect(idsOf(await queue.read([one.id, other.id]))).toEqual([other.id]);
    expect((await queue.schedules.take()).total).toBe(1);
  });
});

describe("changing working copies", () => {
  it("replaces a copy only while its state is what the caller read", async () => {
    const queue = await setup().replica();
    const first = newSchedule("a", FAR);
    expect(await queue.schedules.put([first])).toEqual([true]);
    expect(await queue.schedules.put([first])).toEqual([false]);
    const [read] = await queue.schedules.read(["a"]);
    const second = newSchedule("a", FAR, { version: 2, revision: 2 });
    const changes = [{ ...second, before: read?.text }, newSchedule("b", FAR), { ...second, before: read?.text }];
    expect(await queue.schedules.put(changes)).toEqual([true, true, false]);
    expect(await queue.schedules.read(["a", "none", "b"])).toMatchObject([{ state: second.state }, undefined, {}]);
  });

  it("removes a schedule by its id, which does not come back", async () => {
    const queue = await setup().replica();
    const [old, recreated] = [newSchedule("a", 1, { id: "old" }), newSchedule("a", 1, { id: "new" })];
    await queue.schedules.put([old]);
    await queue.schedules.remove([{ name: "a", id: "old" }]);
    expect(await queue.schedules.take()).toMatchObject({ total: 0, schedules: [] });
    expect(await queue.schedules.put([{ ...old, before: undefined }])).toEqual([false]); // of a frozen replica
    expect(await queue.schedules.put([recreated])).toEqual([true]);
    await queue.schedules.remove([{ name: "a", id: "old" }]);
    expect((await queue.schedules.take()).schedules).toMatchObject([{ copy: { id: "new" } }]);
  });

  it("replaces a schedule by another of the same name, and the replaced one does not come back", async () => {
    const queue = await setup().replica();
    const [old, recreated] = [newSchedule("a", 1, { id: "old" }), newSchedule("a", 1, { id: "new" })];
    await queue.schedules.put([old]);
    const [before] = await queue.schedules.read(["a"]);
    expect(await queue.schedules.put([{ ...recreated, before: before?.text }])).toEqual([true]);
    const [after] = await queue.schedules.read(["a"]);
    expect(await queue.schedules.put([{ ...old, before: after?.text }])).toEqual([false]);
  });

  it("remembers whether all schedules are loaded until Redis is emptied", async () => {
    const { redis } = setup();
    const queue = await setup().replica();
    const load = async (token: string, meanwhile: () => unknown): Promise<boolean> => {
      await queue.schedules.startLoading(token);
      await meanwhile();
      await queue.schedules.finishLoading(token);
      return queue.schedules.isLoaded();
    };
    expect(await load("first", () => redis.flushdb())).toBe(false);
    expect(await load("second", () => queue.schedules.startLoading("another"))).toBe(false);
    expect(await load("third", () => undefined)).toBe(true);
    await redis.flushdb();
    expect(await queue.schedules.isLoaded()).toBe(false);
  });
});

describe("pending runs", () => {
  it("stay until they are acknowledged, oldest first", async () => {
    const { redis } = setup();
    const { queue, taken } = await oneTaken();
    const runs = [3, 5, 9].map((tick) => runOf(taken.copy, tick));
    await queue.schedules.advance([{ ...firing(taken, 9, [], 1), runs }]);
    await setClock(redis, 1_000);
    await queue.schedules.advance([firing(await takeOne(queue), 1, [])]);
    const first = await queue.schedules.pendingRuns(2);
    expect(first.runs.map(({ tick }) => tick)).toEqual([3, 5]);
    await queue.schedules.acknowledge(first.texts);
    expect((await queue.schedules.pendingRuns(10)).runs.map(({ tick }) => tick)).toEqual([9, 1]);
    await queue.schedules.acknowledge([]);
    await queue.schedules.acknowledge((await queue.schedules.pendingRuns(10)).texts);
    expect(await queue.schedules.pendingRuns(10)).toEqual({ runs: [], texts: [] });
  });
});

it("rejects decisions while Redis is full, and changes nothing", async () => {
  const { port } = await ownRedis();
  const queue = await setup().replica({ url: `redis://127.0.0.1:${port}` });
  await queue.schedules.put([newSchedule("a", 1)]);
  const taken = await takeOne(queue);
  await redisCommand(port, "CONFIG", "SET", "maxmemory", "1");
  await expect(queue.schedules.advance([firing(taken, 5, [jobOf(queue)])])).rejects.toThrow(QueueUnavailable);
  await queue.schedules.remove([{ name: "none", id: "none" }]); // frees memory
  await redisCommand(port, "CONFIG", "SET", "maxmemory", "0");
  expect(await queue.schedules.read(["a"])).toMatchObject([{ text: taken.text }]);
  expect(await queue.schedules.pendingRuns(10)).toMatchObject({ runs: [] });
});
