import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { ScheduleRun } from "../../core/schedules/schedule.ts";
import { DAY_MS } from "../../core/time.ts";
import { codeOf } from "../../errors.ts";
import { withDefinition } from "../../results/schedules/changes.ts";
import { ScheduleStore } from "../../results/schedules/schedule-store.ts";
import { setUpSchedules } from "../../testing/schedule-service.ts";
import { definitionText as definition } from "../../testing/schedules/ticking-schedule.ts";
import { TcpProxy } from "../../testing/tcp-proxy.ts";
import { until } from "../../testing/until.ts";

const setup = setUpSchedules();
const EVERY = 3_600_000;

const nextHour = (now: number): number => (Math.floor(now / EVERY) + 1) * EVERY;

describe("what a replica leaves", () => {
  it("between commit and Redis is applied by another one", async () => {
    const { url, queue, client, service, stateOf } = setup();
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
    const { queue, redis, service, errors } = setup();
    const proxy = await TcpProxy.start(Number(new URL(setup().address).port));
    setup().atEnd(() => proxy.close());
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
    expect(errors.filter((error) => codeOf(error) === "store_unavailable")).toEqual([]);
    expect(await redis.hkeys("{taskflow:0}:schedules")).toEqual(["kept"]);
    proxy.setMode({ kind: "pass" });
    await until(async () => (await redis.hkeys("{taskflow:0}:schedules")).join() === "nightly" || undefined, {
      what: "Redis has what was put, and not what was removed",
    });
  });
});

describe("after Redis was emptied", () => {
  it("every schedule returns, and is decided from its last recorded tick", async () => {
    const { url, queue, redis, service, decideAt, stateOf } = setup();
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

  it("or after a failover lost its latest changes, what Postgres has counts", async () => {
    const { queue, redis, service, stateOf } = setup();
    let runId = "one";
    const schedules = service({ runId: () => Promise.resolve(runId) });
    schedules.start();
    await schedules.put("changed", definition(EVERY), { apiKey: null });
    await schedules.put("kept", definition(EVERY), { apiKey: null });
    const old = await redis.hgetall("{taskflow:0}:schedule_states");
    await schedules.put("changed", definition(DAY_MS), { apiKey: null });
    await schedules.put("lost", definition(DAY_MS), { apiKey: null });
    await until(async () => (await queue.schedules.isLoaded()) || undefined, { what: "the schedules are loaded" });
    await redis.hset("{taskflow:0}:schedule_states", old);
    await queue.schedules.remove([{ name: "lost", id: (await stateOf("lost"))?.id ?? "" }]);
    await redis.del(...(await redis.keys("*unscheduled*")));
    runId = "two";
    await until(async () => (await stateOf("lost")) && (await stateOf("changed"))?.version === 2, {
      what: "Redis has what it lost",
    });
    expect(JSON.stringify(await stateOf("kept"))).toBe(old.kept);
  });

  it("is not taken for loaded if it is emptied once more meanwhile", async () => {
    const { queue, redis } = setup();
    await queue.schedules.startLoading("token");
    await redis.flushdb();
    await queue.schedules.finishLoading("token");
    expect(await queue.schedules.isLoaded()).toBe(false);
  });
});

describe("the runs of a schedule", () => {
  it("reach Postgres once, and Redis forgets them; the schedule has ended with the last one", async () => {
    const { queue, redis, client, service, decideAt } = setup();
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
    // of runs that two have read, one may have forgotten a part: a later call forgets the rest
    await schedules.runs(twice, { limit: 10 });
    expect(await redis.llen("{taskflow:0}:pending_runs")).toBe(0);
    expect((await client.query("select from schedule_runs")).rowCount).toBe(4);
    const named = async (state: "active" | "ended") =>
      (await schedules.list({ limit: 10, state })).schedules.map(({ name }) => name);
    expect([await named("ended"), await named("active")]).toEqual([["twice"], ["other"]]);
    expect((await schedules.get("twice"))?.counts.fired).toBe(2);
  });

  it("stay in Redis while Postgres is away, and calls answer 503", async () => {
    const { url, queue, redis, client, service, decideAt } = setup();
    const proxy = await TcpProxy.start(Number(new URL(url).port));
    setup().atEnd(() => proxy.close());
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
    expect(await redis.llen("{taskflow:0}:pending_runs")).toBe(1);
    proxy.setMode({ kind: "pass" });
    await until(async () => (await client.query("select from schedule_runs")).rowCount === 1 || undefined, {
      what: "the run is stored",
    });
    await until(async () => (await redis.llen("{taskflow:0}:pending_runs")) === 0 || undefined, {
      what: "Redis has forgotten it",
    });
  });

  it("are stored although Postgres cannot store one of them", async () => {
    const { queue, redis, errors, service, decideAt } = setup();
    const schedules = service();
    await schedules.put("nightly", definition(EVERY), { apiKey: null });
    const tick = nextHour(queue.clock.now());
    const [run] = await decideAt(tick);
    const bad = { ...(run as ScheduleRun), tick: 1e300 };
    await redis.rpush("{taskflow:0}:pending_runs", JSON.stringify(bad));
    const schedule = await schedules.get("nightly");
    expect(await schedules.runs(schedule as NonNullable<typeof schedule>, { limit: 10 })).toEqual([run]);
    expect(errors[0]).toMatchObject({ run: bad });
    expect(await redis.llen("{taskflow:0}:pending_runs")).toBe(0);
  });
});

describe("a database that was restored from a backup", () => {
  it("decides: Redis loses schedules that it does not have, and newer versions", async () => {
    const { queue, redis, client, service, decideAt, stateOf } = setup();
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
