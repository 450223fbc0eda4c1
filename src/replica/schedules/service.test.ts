import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decide, type TickingSchedule } from "../../core/schedules/decide.ts";
import type { ScheduleDefinition, SchedulePause, ScheduleRun } from "../../core/schedules/schedule.ts";
import { ticksOfSchedule } from "../../core/schedules/timing.ts";
import { DAY_MS } from "../../core/time.ts";
import type { Queue } from "../../queue/queue.ts";
import { migrate } from "../../results/migrate.ts";
import { withDefinition } from "../../results/schedules/changes.ts";
import { ScheduleStore } from "../../results/schedules/schedule-store.ts";
import { setUpQueues } from "../../testing/queue-setup.ts";
import { freshDatabase } from "../../testing/services.ts";
import { TcpProxy } from "../../testing/tcp-proxy.ts";
import { until } from "../../testing/until.ts";
import type { ScheduleServiceOptions } from "./service.ts";
import { ScheduleService } from "./service.ts";

const setup = setUpQueues();
const EVERY = 3_600_000;

let url: string;
let queue: Queue;
let redis: Redis;
let client: pg.Client;
let errors: unknown[];
let open: (() => Promise<unknown>)[];
beforeEach(async () => {
  url = (await freshDatabase()).url;
  await migrate(url);
  queue = await setup().replica();
  redis = setup().redis;
  client = new pg.Client({ connectionString: url });
  await client.connect();
  errors = [];
  open = [() => client.end()];
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** The schedules of one more replica. */
function service(changes: Partial<ScheduleServiceOptions> & { readonly databaseUrl?: string } = {}): ScheduleService {
  const made = new ScheduleService({
    store: new ScheduleStore(changes.databaseUrl ?? url),
    copies: queue.schedules,
    tickingOf: ({ name, definition }) => Promise.resolve(tickingOf(name, definition)),
    now: () => queue.clock.now(),
    onError: (error) => errors.push(error),
    onDropped: (run, error) => errors.push({ run, error }),
    periodMs: 50,
    ...changes,
  });
  open.push(() => made.close());
  return made;
}

function tickingOf(name: string, text: string): TickingSchedule {
  const { every_ms, job, max_runs = null } = JSON.parse(text) as { every_ms: number; job: object; max_runs?: number };
  const definition: ScheduleDefinition = {
    timing: { kind: "every", everyMs: every_ms, offsetMs: 0 },
    timeZone: "UTC",
    overlap: "allow",
    catchUp: { policy: "all", withinMs: null, max: 3 },
    jitterMs: 0,
    startAt: null,
    endAt: null,
    maxRuns: max_runs,
    pauseAfterFailures: null,
    job: JSON.stringify(job),
    description: null,
  };
  return { name, definition, ticks: ticksOfSchedule(definition, name) };
}

const definition = (everyMs: number, changes: object = {}): string =>
  JSON.stringify({ every_ms: everyMs, job: { type: "noop", payload: {} }, ...changes });

/** Decides what is due at `now`, as a ticker does. @returns the runs */
async function decideAt(now: number): Promise<readonly ScheduleRun[]> {
  const names = await redis.hkeys("{taskflow:0}:schedules");
  const states = await queue.schedules.read(names);
  const runs: ScheduleRun[] = [];
  for (const [i, name] of names.entries()) {
    const before = states[i];
    const copy = JSON.parse((await redis.hget("{taskflow:0}:schedules", name)) ?? "") as { definition: string };
    if (!before) continue;
    const decision = decide(tickingOf(name, copy.definition), before.state, now, { lastJobLives: false });
    const { state, lookAt } = decision;
    await queue.schedules.advance([{ name, before: before.text, state, lookAt, runs: decision.runs, jobs: [] }]);
    runs.push(...decision.runs);
  }
  return runs;
}

const lookAt = async (name: string): Promise<number | null> => {
  const score = await redis.zscore("{taskflow:0}:schedule_ticks", name);
  return score === null || score === "inf" ? null : Number(score);
};
const stateOf = async (name: string) => (await queue.schedules.read([name]))[0]?.state;
const nextHour = (now: number): number => (Math.floor(now / EVERY) + 1) * EVERY;
const pauseOf = (until: number | null): SchedulePause => ({ reason: "r", until, at: queue.clock.now(), by: "ops" });

describe("a change of a schedule", () => {
  it("is in Postgres, then in Redis, when the call returns", async () => {
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

describe("what a replica leaves", () => {
  it("between commit and Redis is applied by another one", async () => {
    const store = new ScheduleStore(url);
    const dead = { apiKey: null };
    const now = queue.clock.now();
    await store.change("nightly", (row) =>
      withDefinition(row, definition(EVERY), dead, { name: "nightly", id: randomUUID(), now }),
    );
    await store.close();
    expect(await service().get("nightly")).toMatchObject({ state: null });
    const other = service();
    other.start();
    const state = await until(() => stateOf("nightly"), { what: "Redis has the schedule" });
    expect(state.next).toBe(nextHour(now));
    await until(
      async () => (await client.query("select from schedules where applied = revision")).rowCount === 1 || undefined,
      {
        what: "Postgres knows",
      },
    );
  });

  it("while Redis was away is applied when it is back", async () => {
    const proxy = await TcpProxy.start(Number(new URL(setup().address).port));
    open.push(() => proxy.close());
    const behind = proxy.before(setup().address);
    const other = await setup().replica({ url: behind });
    const schedules = service({ copies: other.schedules, now: () => queue.clock.now() });
    schedules.start();
    await schedules.put("kept", definition(EVERY), { apiKey: null });
    proxy.setMode({ kind: "reset" });
    await until(
      async () =>
        other.schedules.isLoaded().then(
          () => undefined,
          () => true,
        ),
      { what: "Redis is away" },
    );
    expect(await schedules.put("nightly", definition(EVERY), { apiKey: null })).toMatchObject({
      kind: "created",
      schedule: { state: null },
    });
    expect(await schedules.remove("kept")).toMatchObject({ name: "kept" });
    expect((await schedules.list({ limit: 10 })).schedules.map(({ name, state }) => [name, state])).toEqual([
      ["nightly", null],
    ]);
    expect(await redis.hkeys("{taskflow:0}:schedules")).toEqual(["kept"]);
    proxy.setMode({ kind: "pass" });
    await until(async () => (await redis.hkeys("{taskflow:0}:schedules")).join() === "nightly" || undefined, {
      what: "Redis has what was put, and not what was removed",
    });
  });
});

describe("after Redis was emptied", () => {
  it("every schedule returns, and is decided from its last recorded tick", async () => {
    const schedules = service();
    const names = Array.from({ length: 450 }, (_, n) => `s${String(n).padStart(3, "0")}`);
    const store = new ScheduleStore(url);
    const now = queue.clock.now();
    for (const name of names)
      await store.change(name, (row) =>
        withDefinition(row, definition(EVERY), { apiKey: null }, { name, id: randomUUID(), now: now - 10 * EVERY }),
      );
    await store.close();
    schedules.start();
    await until(async () => (await queue.schedules.isLoaded()) || undefined, { what: "the schedules are loaded" });
    const fired = await decideAt(nextHour(now) - 3 * EVERY);
    expect(new Set(fired.map(({ name }) => name)).size).toBe(450);
    const [first] = (await schedules.list({ limit: 1 })).schedules;
    const ofFirst = fired.filter(({ name }) => name === "s000").toReversed();
    expect(await schedules.runs(first as NonNullable<typeof first>, { limit: 100 })).toEqual(ofFirst);
    const before = await stateOf("s000");

    await redis.flushdb();
    await until(async () => (await redis.hlen("{taskflow:0}:schedule_states")) === 450 || undefined, {
      what: "the schedules are back",
    });
    const state = await stateOf("s000");
    expect(state).toMatchObject({ decided: ofFirst[0]?.tick, last: before?.last, counts: before?.counts });
    const again = (await decideAt(nextHour(now))).filter(({ name }) => name === "s000");
    expect(again.map(({ tick, outcome }) => [tick, outcome])).toEqual([
      [nextHour(now) - 2 * EVERY, "late"],
      [nextHour(now) - EVERY, "late"],
      [nextHour(now), "fired"],
    ]);
  });

  it("is not taken for loaded if it is emptied once more meanwhile", async () => {
    await queue.schedules.startLoading("token");
    await redis.flushdb();
    await queue.schedules.finishLoading("token");
    expect(await queue.schedules.isLoaded()).toBe(false);
  });
});

describe("the runs of a schedule", () => {
  it("reach Postgres once, and Redis forgets them; the schedule has ended with the last one", async () => {
    const schedules = service();
    await schedules.put("twice", definition(EVERY, { max_runs: 2 }), { apiKey: null });
    await schedules.put("other", definition(EVERY), { apiKey: null });
    const tick = nextHour(queue.clock.now());
    await decideAt(tick);
    await decideAt(tick + EVERY);
    const replicas = Array.from({ length: 3 }, () => service());
    const twice = await schedules.get("twice");
    if (!twice) throw new Error("no schedule");
    const lists = await Promise.all(replicas.map((each) => each.runs(twice, { limit: 10 })));
    for (const runs of lists) expect(runs.map((run) => run.tick)).toEqual([tick + EVERY, tick]);
    expect(await redis.zcard("{taskflow:0}:schedule_runs")).toBe(0);
    expect((await client.query("select from schedule_runs")).rowCount).toBe(4);
    const named = async (state: "active" | "ended") =>
      (await schedules.list({ limit: 10, state })).schedules.map(({ name }) => name);
    expect([await named("ended"), await named("active")]).toEqual([["twice"], ["other"]]);
    expect((await schedules.get("twice"))?.counts.fired).toBe(2);
  });

  it("stay in Redis while Postgres is away, and calls answer 503", async () => {
    const proxy = await TcpProxy.start(Number(new URL(url).port));
    open.push(() => proxy.close());
    const schedules = service({ databaseUrl: proxy.before(url) });
    schedules.start();
    await schedules.put("nightly", definition(EVERY), { apiKey: null });
    proxy.setMode({ kind: "reset" });
    const now = nextHour(queue.clock.now());
    const runs = await decideAt(now);
    expect(runs).toHaveLength(1);
    schedules.decided();
    const away = { code: "store_unavailable", status: 503 };
    await expect(schedules.put("nightly", definition(DAY_MS), { apiKey: null })).rejects.toMatchObject(away);
    await expect(schedules.get("nightly")).rejects.toMatchObject(away);
    await expect(schedules.list({ limit: 1 })).rejects.toMatchObject(away);
    await expect(schedules.remove("nightly")).rejects.toMatchObject(away);
    await expect(schedules.failing([{ id: randomUUID(), failures: 1 }])).rejects.toMatchObject(away);
    expect(await redis.zcard("{taskflow:0}:schedule_runs")).toBe(1);
    proxy.setMode({ kind: "pass" });
    await until(async () => (await client.query("select from schedule_runs")).rowCount === 1 || undefined, {
      what: "the run is stored",
    });
    await until(async () => (await redis.zcard("{taskflow:0}:schedule_runs")) === 0 || undefined, {
      what: "Redis has forgotten it",
    });
  });

  it("are stored although Postgres cannot store one of them", async () => {
    const schedules = service();
    await schedules.put("nightly", definition(EVERY), { apiKey: null });
    const tick = nextHour(queue.clock.now());
    const [run] = await decideAt(tick);
    const bad = { ...(run as ScheduleRun), tick: 1e300 };
    await redis.zadd("{taskflow:0}:schedule_runs", 0, JSON.stringify(bad));
    const schedule = await schedules.get("nightly");
    expect(await schedules.runs(schedule as NonNullable<typeof schedule>, { limit: 10 })).toEqual([run]);
    expect(errors[0]).toMatchObject({ run: bad });
    expect(await redis.zcard("{taskflow:0}:schedule_runs")).toBe(0);
  });
});

describe("a database that was restored from a backup", () => {
  it("decides: Redis loses schedules that it does not have, and newer versions", async () => {
    const schedules = service();
    for (const name of ["newer", "unknown", "never_due"])
      await schedules.put(name, definition(EVERY), { apiKey: null });
    const backup = await client.query<{ row: string }>(
      "select row_to_json(schedules)::text as row from schedules where name = 'newer'",
    );
    await schedules.put("newer", definition(DAY_MS), { apiKey: null });
    await client.query("delete from schedules");
    await client.query("insert into schedules select * from json_populate_record(null::schedules, $1::json)", [
      backup.rows[0]?.row,
    ]);
    await decideAt(queue.clock.now() + 2 * DAY_MS);
    await schedules.runs((await schedules.get("newer")) as never, { limit: 1 });
    expect(await stateOf("unknown")).toBeUndefined();
    expect(await stateOf("newer")).toMatchObject({ version: 1 });
    expect(await redis.hget("{taskflow:0}:schedules", "newer")).toContain(JSON.stringify(definition(EVERY)));
    await redis.hset("{taskflow:0}:schedule_states", "never_due", JSON.stringify(await stateOf("newer")));
    await schedules.remove("never_due");
    expect(await redis.hexists("{taskflow:0}:schedules", "never_due")).toBe(0);
  });
});
