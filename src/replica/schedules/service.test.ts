import { describe, expect, it } from "vitest";
import type { SchedulePause } from "../../core/schedules/schedule.ts";
import { DAY_MS } from "../../core/time.ts";
import { setUpSchedules } from "../../testing/schedule-service.ts";
import { definitionText as definition } from "../../testing/schedules/ticking-schedule.ts";
import { until } from "../../testing/until.ts";

const setup = setUpSchedules();
const EVERY = 3_600_000;

const nextHour = (now: number): number => (Math.floor(now / EVERY) + 1) * EVERY;
const pauseOf = (until: number | null): SchedulePause => ({
  reason: "r",
  until,
  at: setup().queue.clock.now(),
  by: "ops",
});

describe("a change of a schedule", () => {
  it("is in Postgres, then in Redis, when the call returns", async () => {
    const { queue, redis, client, errors, service, lookAt } = setup();
    const schedules = service();
    const put = await schedules.put("nightly", definition(EVERY), { apiKey: "key" });
    expect(put).toMatchObject({ kind: "created", schedule: { version: 1, apiKey: "key" } });
    const next = nextHour(queue.clock.now());
    expect(await schedules.get("nightly")).toMatchObject({ version: 1, state: { next, version: 1, pause: null } });
    expect(await lookAt("nightly")).toBe(next);
    const replaced = await schedules.put("nightly", definition(DAY_MS), { apiKey: "other", ifMatch: 1 });
    expect(replaced).toMatchObject({ kind: "replaced", schedule: { version: 2, apiKey: "other" } });
    expect(await redis.hget("{taskflow:0}:schedules", "nightly")).toContain(`"version":2`);
    const paused = await schedules.pause("nightly", pauseOf(null));
    expect(paused).toMatchObject({ version: 2, pause: { by: "ops" }, state: { pause: { reason: "r" } } });
    expect(await lookAt("nightly")).toBeNull();
    const resumed = await schedules.resume("nightly", "all");
    expect(resumed).toMatchObject({ pause: null, state: { pause: null, resumed: { catchUp: "all" } } });
    expect(await schedules.remove("nightly", 1)).toBe("conflict");
    expect(await schedules.remove("nightly", 2)).toMatchObject({ name: "nightly", version: 2 });
    expect(await redis.hlen("{taskflow:0}:schedules")).toBe(0);
    expect((await client.query("select from schedules")).rowCount).toBe(0);
    expect(await schedules.get("nightly")).toBeUndefined();
    expect(await schedules.remove("nightly")).toBeUndefined();
    expect(await schedules.pause("nightly", pauseOf(null))).toBeUndefined();
    expect(await schedules.resume("nightly", "none")).toBeUndefined();
    expect(await schedules.revert("nightly")).toBeUndefined();
    expect(errors).toEqual([]);
  });

  it("is rejected where its condition does not hold, and makes nothing of the same definition", async () => {
    const { service } = setup();
    const schedules = service();
    expect(await schedules.put("a", definition(EVERY), { apiKey: null, ifMatch: 1 })).toEqual({ kind: "conflict" });
    expect(await schedules.get("a")).toBeUndefined();
    await schedules.put("a", definition(EVERY), { apiKey: null, ifNoneMatch: true });
    expect(await schedules.put("a", definition(DAY_MS), { apiKey: null, ifNoneMatch: true })).toEqual({
      kind: "conflict",
    });
    expect(await schedules.put("a", definition(EVERY), { apiKey: null, ifMatch: 2 })).toEqual({ kind: "conflict" });
    const before = await schedules.get("a");
    expect(await schedules.put("a", definition(EVERY), { apiKey: "other", ifMatch: 1 })).toEqual({
      kind: "unchanged",
      schedule: before,
    });
  });

  it("made a hundred times at once is one version, whose next run does not move", async () => {
    const { service, stateOf } = setup();
    const replicas = Array.from({ length: 10 }, () => service());
    const puts = await Promise.all(
      replicas.flatMap((each) =>
        Array.from({ length: 10 }, () => each.put("nightly", definition(EVERY), { apiKey: null })),
      ),
    );
    expect(puts.filter(({ kind }) => kind === "created")).toHaveLength(1);
    expect(puts.filter(({ kind }) => kind === "unchanged")).toHaveLength(99);
    const state = await stateOf("nightly");
    await service().put("nightly", definition(EVERY), { apiKey: null });
    expect(await stateOf("nightly")).toEqual(state);
  });

  it("made at once in many ways ends with Redis having the last one", async () => {
    const { errors, service, stateOf } = setup();
    const replicas = Array.from({ length: 4 }, () => service());
    await Promise.all(
      replicas.flatMap((each, n) => [
        each.put("x", definition(EVERY + n), { apiKey: null }),
        each.pause("x", pauseOf(null)),
        each.resume("x", "none"),
        each.remove("x"),
        each.put("x", definition(2 * EVERY + n), { apiKey: null }),
      ]),
    );
    const details = await service().get("x");
    const state = await stateOf("x");
    expect(state && { id: state.id, revision: state.revision, isPaused: state.pause !== null }).toEqual(
      details && { id: details.id, revision: details.revision, isPaused: details.pause !== null },
    );
    expect(errors).toEqual([]);
  });

  it("keeps the open ticks for a new payload, and none for a new timing", async () => {
    const { queue, service, stateOf } = setup();
    const schedules = service();
    await schedules.put("nightly", definition(EVERY), { apiKey: null });
    const before = await stateOf("nightly");
    await schedules.put("nightly", definition(EVERY, { job: { type: "noop", payload: { n: 2 } } }), { apiKey: null });
    expect(await stateOf("nightly")).toMatchObject({ version: 2, decided: before?.decided, next: before?.next });
    const changedAt = queue.clock.now();
    await schedules.put("nightly", definition(EVERY / 2), { apiKey: null });
    expect((await stateOf("nightly"))?.decided).toBeGreaterThanOrEqual(Math.floor(changedAt));
  });

  it("fires again after the schedule was deleted and created again", async () => {
    const { queue, service, decideAt } = setup();
    const schedules = service();
    await schedules.put("nightly", definition(EVERY), { apiKey: null });
    const tick = nextHour(queue.clock.now());
    const [first] = await decideAt(tick);
    await schedules.remove("nightly");
    await schedules.put("nightly", definition(EVERY), { apiKey: null });
    const [again] = await decideAt(tick);
    expect([first, again]).toMatchObject([
      { tick, outcome: "fired" },
      { tick, outcome: "fired" },
    ]);
    expect(again?.jobId).not.toBe(first?.jobId);
  });
});

describe("the ticks of a pause", () => {
  it("never count without a catch-up, also if Redis is emptied after it", async () => {
    const { queue, redis, client, service, decideAt } = setup();
    const schedules = service();
    await schedules.put("nightly", definition(1_000), { apiKey: null });
    await client.query("update schedules set effective_from = now() - interval '1 hour'");
    await schedules.pause("nightly", pauseOf(null));
    await client.query("update schedules set paused_at = now() - interval '1 hour'");
    await schedules.resume("nightly", "none");
    await redis.flushdb();
    schedules.start();
    await until(async () => (await queue.schedules.isLoaded()) || undefined, { what: "the schedules are loaded" });
    const runs = await decideAt(queue.clock.now());
    expect(runs.filter(({ jobId }) => jobId !== null)).toEqual([]);
    expect(runs).toMatchObject([{ outcome: "missed", reason: "paused" }]);
  });

  it("end with the pause, whose row nobody changes", async () => {
    const { queue, service, decideAt, stateOf } = setup();
    const schedules = service();
    await schedules.put("nightly", definition(EVERY), { apiKey: null });
    const now = queue.clock.now();
    const paused = await schedules.pause("nightly", pauseOf(now + 60_000));
    expect(paused?.pause).not.toBeNull();
    const later = service({ now: () => now + 60_001 });
    expect(await later.get("nightly")).toMatchObject({ pause: null });
    expect((await later.list({ limit: 10, state: "active" })).schedules).toHaveLength(1);
    expect((await later.list({ limit: 10, state: "paused" })).schedules).toHaveLength(0);
    await decideAt(now + 60_001);
    await later.put("nightly", definition(EVERY, { description: "d" }), { apiKey: null });
    await decideAt(now + 60_002);
    expect(await stateOf("nightly")).toMatchObject({ pause: null, version: 2 });
  });
});

describe("late schedules", () => {
  it("are those that are not paused, and whose next tick with its jitter is more than a minute overdue", async () => {
    const { queue, service } = setup();
    const schedules = service();
    await schedules.put("late", definition(EVERY), { apiKey: null });
    await schedules.put("late-too", definition(EVERY), { apiKey: null });
    await schedules.put("daily", definition(7 * DAY_MS), { apiKey: null });
    await schedules.put("jitter", definition(EVERY, { jitter_ms: 600_000 }), { apiKey: null });
    await schedules.put("paused", definition(EVERY), { apiKey: null });
    await schedules.pause("paused", pauseOf(null));
    const next = nextHour(queue.clock.now());
    const lateAt = async (now: number, more: object = {}): Promise<string[]> => {
      const page = await service({ now: () => now }).list({ isLate: true, limit: 10, ...more });
      expect(page.next).toBeNull();
      return page.schedules.map(({ name }) => name);
    };
    expect(await lateAt(next + 60_000)).toEqual([]);
    expect(await lateAt(next + 60_001)).toEqual(["late", "late-too"]);
    expect(await lateAt(next + 60_001, { after: "late" })).toEqual(["late-too"]);
    expect(await lateAt(next + 60_001, { type: "other" })).toEqual([]);
    expect(await lateAt(next + 660_001)).toEqual(["jitter", "late", "late-too"]);
    await queue.schedules.take(); // nothing is due, so nobody takes them
    expect(await service().list({ isLate: true, limit: 10 })).toEqual({ schedules: [], next: null });
  });

  it("are found while a replica has them, too", async () => {
    const { queue, redis, service } = setup();
    const schedules = service();
    await schedules.put("stuck", definition(EVERY), { apiKey: null });
    const [{ text = "{}" } = {}] = await queue.schedules.read(["stuck"]);
    const state = JSON.stringify({ ...(JSON.parse(text) as object), next: 1_000 });
    await redis.hset("{taskflow:0}:schedule_states", "stuck", state);
    await redis.zadd("{taskflow:0}:schedule_ticks", 1, "stuck", 1, "@job");
    expect((await queue.schedules.take()).schedules).toHaveLength(1);
    expect((await schedules.list({ isLate: true, limit: 10 })).schedules).toMatchObject([{ name: "stuck" }]);
  });
});
