import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ScheduleRun } from "../../core/schedules/schedule.ts";
import { DAY_MS } from "../../core/time.ts";
import { idAt, outcomeWith } from "../../testing/outcomes.ts";
import { definition, NOW, put, run } from "../../testing/schedule-rows.ts";
import { freshDatabase } from "../../testing/services.ts";
import { migrate } from "../migrate.ts";
import { addPartitions, dayOf } from "../partitions.ts";
import { RecorderConnection } from "../recorder/connection.ts";
import { dropExpired } from "../retention.ts";
import { paused, removed } from "./changes.ts";
import type { ScheduleRow } from "./schedule-row.ts";
import { ScheduleStore } from "./schedule-store.ts";

let url: string;
const open: ScheduleStore[] = [];
beforeEach(async () => {
  url = (await freshDatabase()).url;
  await migrate(url);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((store) => store.close()));
});

function opened(): ScheduleStore {
  const store = new ScheduleStore(url);
  open.push(store);
  return store;
}

describe("a schedule's row", () => {
  it("keeps every fact, and the text of its definition", async () => {
    const store = opened();
    const text = '{ "every_ms":1000,"job":{"type":"noop","payload":{"n":1.10,"s":"\\u0000 \\ud800"},"tags":["a"]}}';
    await put(store, "nightly", text);
    const pause = { reason: "a\0b", until: NOW + DAY_MS + 0.5, at: NOW, by: "ops" };
    const row = await store.change("nightly", (before) => before && paused(before, pause, NOW));
    expect(row).toMatchObject({ revision: expect.any(Number) as number, applied: 0, version: 1 });
    expect(await store.get("nightly")).toEqual({
      ...row,
      definition: text,
      apiKey: "key",
      pause: { ...pause, reason: "ab" },
      fileDefinition: null,
      resumeCatchUp: null,
      effectiveFrom: NOW,
      failuresFrom: NOW,
      createdAt: NOW,
      updatedAt: NOW,
      lastRun: null,
      isRemoved: false,
      isEnded: false,
      counts: { fired: 0, late: 0, skipped: 0, missed: 0 },
    });
  });

  it("gets one version from a hundred equal PUTs of ten connections, and a revision from no other change", async () => {
    const stores = Array.from({ length: 10 }, opened);
    const puts = await Promise.all(
      stores.flatMap((store) => Array.from({ length: 10 }, () => put(store, "nightly", definition(1_000)))),
    );
    expect(new Set(puts.map(({ id, version, revision }) => `${id} ${version} ${revision}`)).size).toBe(1);
  });

  it("gets one version for each of many different PUTs, and rising revisions", async () => {
    const stores = Array.from({ length: 5 }, opened);
    const puts = await Promise.all(
      Array.from({ length: 40 }, (_, n) => put(stores[n % 5] as ScheduleStore, "nightly", definition(1_000 + n))),
    );
    const sorted = puts.toSorted((a, b) => a.version - b.version);
    expect(sorted.map(({ version }) => version)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
    const revisions = sorted.map(({ revision }) => revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
    expect(new Set(revisions).size).toBe(40);
  });

  it("keeps a higher revision than a row of the same name that was removed and is gone", async () => {
    const store = opened();
    const first = await put(store, "nightly", definition(1_000));
    const gone = await store.change("nightly", (before) => before && removed(before, NOW));
    await store.applied([{ name: "nightly", revision: gone?.revision ?? 0, isEnded: false }]);
    expect(await store.named(["nightly"])).toEqual([]);
    const again = await put(store, "nightly", definition(1_000));
    expect(again).toMatchObject({ version: 1 });
    expect(again.id).not.toBe(first.id);
    expect(again.revision).toBeGreaterThan(first.revision);
  });

  it("counts as unapplied until Redis has exactly its revision", async () => {
    const store = opened();
    expect(await store.pending()).toEqual({ hasSchedules: false, hasUnapplied: false });
    const { revision } = await put(store, "nightly", definition(1_000));
    const later = await put(store, "nightly", definition(2_000));
    await store.applied([{ name: "nightly", revision, isEnded: false }]);
    expect(await store.pending()).toEqual({ hasSchedules: true, hasUnapplied: true });
    expect((await store.page("unapplied", 10)).map(({ name }) => name)).toEqual(["nightly"]);
    await store.applied([{ name: "nightly", revision: later.revision, isEnded: true }]);
    expect(await store.pending()).toEqual({ hasSchedules: true, hasUnapplied: false });
    expect(await store.page("unapplied", 10)).toEqual([]);
    expect(await store.get("nightly")).toMatchObject({ isEnded: true, applied: later.revision });
  });

  it("rises above a revision that Redis has", async () => {
    const store = opened();
    await put(store, "nightly", definition(1_000));
    const above = NOW + DAY_MS;
    expect(await store.change("nightly", (row) => row && { ...row }, above)).toMatchObject({ revision: above + 1 });
  });
});

describe("the list of schedules", () => {
  it("pages by name, and filters by type, tag and state", async () => {
    const store = opened();
    for (const name of ["b", "a", "C", "d.1"]) await put(store, name, definition(1_000));
    await put(store, "tagged", definition(1_000, { type: "email", payload: {}, tags: ["x", "y"] }));
    await put(store, "ended", definition(1_000));
    const names = async (filter: Partial<Parameters<ScheduleStore["list"]>[0]>, now = NOW) =>
      (await store.list({ limit: 100, ...filter }, now)).map(({ name }) => name);
    const pause = (name: string, until: number | null) =>
      store.change(name, (row) => row && paused(row, { reason: null, until, at: NOW, by: null }, NOW));
    await pause("a", null);
    await pause("b", NOW + 1_000);
    const ended = await store.get("ended");
    await store.applied([{ name: "ended", revision: ended?.revision ?? 0, isEnded: true }]);
    await store.change("d.1", (row) => row && removed(row, NOW));
    expect(await names({})).toEqual(["C", "a", "b", "ended", "tagged"]);
    expect(await names({ limit: 2, after: "C" })).toEqual(["a", "b"]);
    expect(await names({ type: "email" })).toEqual(["tagged"]);
    expect(await names({ tag: "y" })).toEqual(["tagged"]);
    expect(await names({ tag: "z" })).toEqual([]);
    expect(await names({ state: "paused" })).toEqual(["a", "b"]);
    expect(await names({ state: "paused" }, NOW + 1_000)).toEqual(["a"]);
    expect(await names({ state: "ended" })).toEqual(["ended"]);
    expect(await names({ state: "active" }, NOW + 1_000)).toEqual(["C", "b", "tagged"]);
    expect((await store.page("all", 100)).map(({ name }) => name)).toContain("d.1");
  });
});

describe("the runs of a schedule", () => {
  it("are added once, and listed newest first, in pages without gaps", async () => {
    const store = opened();
    const schedule = await put(store, "nightly", definition(1_000));
    const other = await put(store, "other", definition(1_000));
    const jobs = Array.from({ length: 3 }, () => randomUUID());
    const runs = [
      run(schedule, NOW, { outcome: "missed", reason: "too_old", jobId: null, ticks: 5_000_000_000 }),
      ...jobs.map((jobId) => run(schedule, NOW, { kind: "manual", jobId })),
      run(schedule, NOW - 1_000),
      run(schedule, NOW - 1_000, { kind: "backfill" }),
      run(schedule, NOW - 2_000, { outcome: "skipped", reason: "overlap", jobId: null }),
    ];
    await store.addRuns([...runs, run(other, NOW)]);
    await store.addRuns(runs.map((one) => ({ ...one, at: NOW + 99 })));
    const listed: ScheduleRun[] = [];
    for (;;) {
      const after = listed.at(-1);
      const page = await store.runs(schedule, { limit: 2, ...(after && { after }) });
      if (page.length === 0) break;
      listed.push(...page);
    }
    const keyOf = (one: ScheduleRun) => JSON.stringify(one);
    expect(listed.map(keyOf).toSorted()).toEqual(runs.map(keyOf).toSorted());
    expect(listed.map(({ tick }) => tick)).toEqual(runs.map(({ tick }) => tick).toSorted((a, b) => b - a));
    const counts = { fired: 1, late: 0, skipped: 1, missed: 5_000_000_000 };
    expect(await store.get("nightly")).toMatchObject({ lastRun: runs[0], counts });
    const last = { tick: NOW - 1_000, jobId: runs[4]?.jobId };
    expect(await store.lastFired([schedule.id, randomUUID()])).toEqual(new Map([[schedule.id, last]]));
  });

  it("say when the schedule has ended, and count each run once, also when several connections add them", async () => {
    const stores = Array.from({ length: 4 }, opened);
    const [store] = stores as [ScheduleStore];
    const schedules = await Promise.all(["a", "b", "c"].map((name) => put(store, name, definition(1_000))));
    const runs = schedules.flatMap((schedule) => Array.from({ length: 50 }, (_, n) => run(schedule, NOW + n * 1_000)));
    const ended = [{ ...schedules[0], version: 1 } as ScheduleRow, { ...schedules[1], version: 2 } as ScheduleRow];
    await Promise.all(
      stores.flatMap((each, n) => [each.addRuns(runs.slice(n * 30), ended), each.addRuns(runs.toReversed())]),
    );
    expect((await store.page("all", 10)).map(({ counts, isEnded }) => [counts.fired, isEnded])).toEqual([
      [50, true],
      [50, false],
      [50, false],
    ]);
  });

  it("expire with the jobs, except for the last tick of each schedule", async () => {
    const store = opened();
    const schedule = await put(store, "nightly", definition(1_000));
    const gone = { ...schedule, id: randomUUID() };
    const old = (days: number, changes: Partial<ScheduleRun> = {}, of = schedule) =>
      run(of, NOW - days * DAY_MS, changes);
    const kept = [old(1, { kind: "manual" }), old(40)];
    await store.addRuns([...kept, old(41), old(35, { kind: "manual" }), old(50, {}, gone)]);
    await dropExpired(url, 30, NOW);
    expect(await store.runs(schedule, { limit: 10 })).toEqual(kept);
    expect(await store.runs(gone, { limit: 10 })).toEqual([]);
    expect((await store.get("nightly"))?.lastRun).toEqual(kept[1]);
  });

  it("expire however many there are", async () => {
    const store = opened();
    const schedule = await put(store, "nightly", definition(1_000));
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(
      `insert into schedule_runs (schedule, tick, at, ticks, version, kind, outcome)
       select $1, time, time, 1, 1, 'tick', 'missed' from generate_series(1, 25000) as n, lateral (select to_timestamp(n)) as t (time)`,
      [schedule.id],
    );
    await dropExpired(url, 30, NOW);
    expect((await client.query("select from schedule_runs")).rowCount).toBe(1);
    await client.end();
  });
});

describe("failing schedules", () => {
  const failed = async (ids: readonly string[], status: "failed" | "completed" = "failed"): Promise<void> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await addPartitions(client, ids.map(dayOf));
    await client.end();
    const connection = new RecorderConnection(url, 5_000);
    await connection.copy(ids.map((id) => outcomeWith({ job: { id }, status, finishedAt: NOW })));
    connection.cut();
  };

  it("are those whose last jobs all failed, of as many as asked", async () => {
    const store = opened();
    const schedule = await put(store, "nightly", definition(1_000));
    const ids = [1, 2, 3].map((n) => idAt(NOW + n * 1_000));
    await failed(ids.slice(1));
    await failed(ids.slice(0, 1), "completed");
    await store.addRuns([
      ...ids.map((jobId, n) => run(schedule, NOW + n * 1_000, { jobId })),
      run(schedule, NOW + 4_000, { outcome: "skipped", jobId: null }),
      run(schedule, NOW + 5_000, { kind: "manual" }),
    ]);
    const failing = async (failures: number) => [...(await store.failing([{ id: schedule.id, failures }]))];
    expect(await failing(1)).toEqual([schedule.id]);
    expect(await failing(2)).toEqual([schedule.id]);
    expect(await failing(3)).toEqual([]);
    await store.addRuns([run(schedule, NOW + 6_000)]); // its job runs
    expect(await failing(1)).toEqual([]);
  });

  it("start again with a new definition, and when somebody resumes them", async () => {
    const store = opened();
    const schedule = await put(store, "nightly", definition(1_000));
    const jobId = idAt(NOW + 1_000);
    await failed([jobId]);
    await store.addRuns([run(schedule, NOW + 1_000, { jobId })]);
    const asked = [{ id: schedule.id, failures: 1 }];
    expect((await store.failing(asked)).size).toBe(1);
    await store.change("nightly", (row) => row && { ...row, failuresFrom: NOW + 2_000 });
    expect((await store.failing(asked)).size).toBe(0);
  });
});
