import { describe, expect, it } from "vitest";
import { CELL_MS, CELLS, countsText, stripCells, stripStart, totalOf } from "./strip-cells.ts";

const NOW = Date.parse("2026-03-01T12:10:00Z");
const run = (tick: string, outcome: "fired" | "late" | "skipped" | "missed", ticks = 1) => ({ tick, outcome, ticks });

describe("the strip of the last 24 hours", () => {
  it("ends with the half hour of now, and begins 24 hours before its end", () => {
    const cells = stripCells([], NOW);
    expect(new Date(stripStart(NOW)).toISOString()).toBe("2026-02-28T12:30:00.000Z");
    expect(cells.map(({ from }) => from)).toEqual(
      Array.from({ length: CELLS }, (_, at) => stripStart(NOW) + at * CELL_MS),
    );
    expect(cells.at(-1)?.from).toBe(Date.parse("2026-03-01T12:00:00Z"));
    expect(cells.every(({ worst }) => worst === undefined)).toBe(true);
  });

  it("marks each cell with the worst outcome of its ticks", () => {
    const cells = stripCells(
      [
        run("2026-03-01T12:00:00Z", "fired"),
        run("2026-03-01T11:59:59.999Z", "fired"),
        run("2026-03-01T11:45:00Z", "missed", 40),
        run("2026-03-01T11:40:00Z", "late"),
        run("2026-03-01T11:10:00Z", "skipped"),
        run("2026-03-01T11:05:00Z", "late"),
        run("2026-02-28T12:29:59Z", "missed"),
      ],
      NOW,
    );
    expect(cells.slice(-3).map(({ worst }) => worst)).toEqual(["skipped", "missed", "fired"]);
    expect(cells[46]?.counts).toEqual({ fired: 1, late: 1, skipped: 0, missed: 40 });
    expect(totalOf(cells)).toEqual({ fired: 2, late: 2, skipped: 1, missed: 40 });
  });

  it("counts ticks in words", () => {
    expect(countsText({ fired: 1_440, late: 0, skipped: 0, missed: 2 })).toBe("1,440 fired, 2 missed");
    expect(countsText({ fired: 0, late: 0, skipped: 0, missed: 0 })).toBe("no tick");
  });
});
