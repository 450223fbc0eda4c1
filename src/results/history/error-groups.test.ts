import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../core/time.ts";
import { ALWAYS, failed, historySetup, NOW } from "../../testing/history.ts";
import { removeExamples } from "./examples.ts";
import { MAX_GROUPS } from "./group-limit.ts";

describe("error groups", () => {
  it("groups errors: counts, first and last time, hours and examples, for RETENTION_DAYS", async () => {
    const bundle = await historySetup();
    const at = (hoursAgo: number, n: number) => failed(`no user ${n}`, { finishedAt: NOW - hoursAgo * HOUR_MS + n });
    const all = [at(0, 1), at(0, 2), at(5, 3), at(23, 4), at(24, 5)];
    await bundle.record([...all, failed("rare", { finishedAt: NOW })]);
    for (let round = 0; round < 2; round += 1) {
      const [group, rare, ...more] = await bundle.reader.errors(ALWAYS, 10, NOW + MINUTE_MS);
      const hourly = Array.from({ length: 24 }, () => 0);
      [hourly[0], hourly[18], hourly[23]] = [1, 1, 2];
      expect(group).toMatchObject({ type: "email", code: "permanent", signature: "no user <n>", count: 5, hourly });
      expect([group?.first_seen, group?.last_seen]).toEqual([all[4]?.finishedAt, all[1]?.finishedAt]);
      expect(group?.examples).toEqual(all.slice(0, 3).map(({ job }) => job.id));
      expect([rare?.count, more]).toEqual([1, []]);
      await bundle.compact(NOW + 3 * HOUR_MS);
    }
    const some = { ...ALWAYS, from: NOW - 5 * HOUR_MS, to: NOW };
    expect(await bundle.reader.errors(some, 10, NOW)).toMatchObject([
      { count: 1, first_seen: all[4]?.finishedAt, last_seen: all[2]?.finishedAt },
    ]);
    await bundle.compact(NOW + 32 * DAY_MS);
    expect(await bundle.reader.errors(ALWAYS, 10, NOW)).toEqual([]);
  });

  it("removes erased jobs from the examples, and only these", async () => {
    const bundle = await historySetup();
    const [a, b, c] = [failed("one"), failed("one"), failed("other")];
    await bundle.record([a, b, c]);
    await removeExamples(bundle.client, [a.job.id, c.job.id]);
    await removeExamples(bundle.client, []);
    const groups = await bundle.reader.errors(ALWAYS, 10, NOW);
    expect(groups.map(({ count, examples }) => [count, examples])).toEqual([
      [2, [b.job.id]],
      [1, []],
    ]);
  });

  it("counts errors beyond the limit of a recorder and hour as (other), with the same sum", async () => {
    const bundle = await historySetup();
    const letters = (n: number): string => n.toString().replace(/\d/g, (digit) => "qrstuvwxyz".charAt(Number(digit)));
    await bundle.record(Array.from({ length: MAX_GROUPS + 20 }, (_, n) => failed(letters(n), { finishedAt: NOW })));
    const groups = await bundle.reader.errors(ALWAYS, 5_000, NOW);
    expect(groups).toHaveLength(MAX_GROUPS + 1);
    expect(groups[0]).toMatchObject({ code: "(other)", signature: "(other)", count: 20 });
    expect(await bundle.stored.historyDifferences(0)).toEqual([]);
  });
});
