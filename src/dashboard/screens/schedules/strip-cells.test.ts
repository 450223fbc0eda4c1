import { describe, expect, it } from "vitest";
import type { Outcome } from "./strip-cells.ts";
import { CELL_MS, CELLS, countsText, stripCells, stripStart, totalOf } from "./strip-cells.ts";

const NOW = Date.parse("2026-03-01T12:10:00Z");
const half = (from: string, counts: Partial<Record<Outcome, number>>) => ({
  from,
  ...{ fired: 0, late: 0, skipped: 0, missed: 0 },
  ...counts,
});

describe("the strip of the last 24 hours", () => {
  it("ends with the half hour of now, and begins 24 hours before its end", () => {
    const cells = stripCells([], null, NOW);
    expect(new Date(stripStart(NOW)).toISOString()).toBe("2026-02-28T12:30:00.000Z");
    expect(cells.map(({ from }) => from)).toEqual(
      Array.from({ length: CELLS }, (_, at) => stripStart(NOW) + at * CELL_MS),
    );
    expect(cells.at(-1)?.from).toBe(Date.parse("2026-03-01T12:00:00Z"));
    expect(cells.every(({ worst }) => worst === undefined)).toBe(true);
  });

  it("marks each cell with the worst outcome of its ticks", () => {
    const recent = [
      half("2026-02-28T12:00:00Z", { missed: 9 }),
      half("2026-03-01T11:00:00Z", { skipped: 1, late: 1 }),
      half("2026-03-01T11:30:00Z", { fired: 1_800, late: 1, missed: 40 }),
      half("2026-03-01T12:00:00Z", { fired: 1 }),
    ];
    const cells = stripCells(recent, { tick: "2026-03-01T12:00:00Z", outcome: "fired" }, NOW);
    expect(cells.slice(-3).map(({ worst }) => worst)).toEqual(["skipped", "missed", "fired"]);
    expect(cells[46]?.counts).toEqual({ fired: 1_800, late: 1, skipped: 0, missed: 40 });
    expect(totalOf(cells)).toEqual({ fired: 1_801, late: 2, skipped: 1, missed: 40 });
  });

  it("has the latest tick also before its half hour is counted", () => {
    const cells = stripCells([], { tick: "2026-03-01T12:09:00Z", outcome: "late" }, NOW);
    expect(cells.at(-1)).toMatchObject({ worst: "late", counts: { fired: 0, late: 1 } });
    const old = stripCells([], { tick: "2026-02-27T12:09:00Z", outcome: "late" }, NOW);
    expect(totalOf(old)).toEqual({ fired: 0, late: 0, skipped: 0, missed: 0 });
  });

  it("counts ticks in words", () => {
    expect(countsText({ fired: 1_440, late: 0, skipped: 0, missed: 2 })).toBe("1,440 fired, 2 missed");
    expect(countsText({ fired: 0, late: 0, skipped: 0, missed: 0 })).toBe("no tick");
  });
});
