/** What Postgres counts of the runs that are added, and which of them it keeps. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { definition, NOW, put, run } from "../../testing/schedule-rows.ts";
import { freshDatabase } from "../../testing/services.ts";
import { migrate } from "../migrate.ts";
import { removed } from "./changes.ts";
import { ScheduleStore } from "./schedule-store.ts";

const HALF_HOUR = 1_800_000;

let store: ScheduleStore;
beforeEach(async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  store = new ScheduleStore(url);
});
afterEach(() => store.close());

describe("the runs of a schedule", () => {
  it("are the first ones of their ticks: a Redis that has forgotten them decides otherwise", async () => {
    const schedule = await put(store, "nightly", definition(1_000));
    const [fired, skipped] = [run(schedule, NOW), run(schedule, NOW + 1_000, { outcome: "skipped", jobId: null })];
    await store.addRuns([fired, skipped]);
    const again = [run(schedule, NOW, { outcome: "missed", jobId: null }), run(schedule, NOW + 1_000)];
    const other = run(schedule, NOW + 2_000);
    await store.addRuns([...again, other]);
    expect(await store.runs(schedule, { limit: 10 })).toEqual([other, skipped, fired]);
    expect((await store.get("nightly"))?.counts).toEqual({ fired: 2, late: 0, skipped: 1, missed: 0 });
    const asked = [fired, ...again, other].map(({ tick, jobId }) => ({
      name: "nightly",
      tick,
      id: jobId ?? randomUUID(),
    }));
    expect(await store.decidedOtherwise(asked)).toEqual(new Set([asked[1]?.id, asked[2]?.id]));
    expect(await store.decidedOtherwise([{ name: "none", tick: NOW, id: randomUUID() }])).toEqual(new Set());
  });

  it("are counted by the half hours of the last day", async () => {
    const schedule = await put(store, "busy", definition(1_000));
    const half = (n: number): number => (Math.floor(NOW / HALF_HOUR) + n) * HALF_HOUR;
    const missed = { outcome: "missed", jobId: null } as const;
    await store.addRuns([
      run(schedule, half(-47)),
      run(schedule, half(-60)),
      run(schedule, half(-1), { ...missed, ticks: 1_800 }),
      run(schedule, half(-1) + 1_000, { kind: "manual" }),
    ]);
    const later = [run(schedule, half(-1) + 2_000), run(schedule, half(-1) + HALF_HOUR - 1), run(schedule, half(0))];
    await store.addRuns(later);
    await store.addRuns(later);
    const counts = { fired: 0, late: 0, skipped: 0, missed: 0 };
    expect((await store.get("busy"))?.recent).toEqual([
      { from: half(-47), counts: { ...counts, fired: 1 } },
      { from: half(-1), counts: { ...counts, fired: 2, missed: 1_800 } },
      { from: half(0), counts: { ...counts, fired: 1 } },
    ]);
    await store.change("busy", (row) => row && removed(row, NOW));
    expect(await put(store, "busy", definition(2_000))).toMatchObject({ recent: [] });
    expect((await store.get("busy"))?.recent).toEqual([]);
  });
});
