/** The outcomes of the ticks of the last 24 hours, in cells of half an hour. */
import type { ScheduleRun } from "../../../client/taskflow.ts";
import { countText } from "../../parts/format.ts";

export type Outcome = ScheduleRun["outcome"];

/** From the best to the worst: the worst one of a cell gives it its mark. */
const OUTCOMES: readonly Outcome[] = ["fired", "late", "skipped", "missed"];

export interface Cell {
  /** Epoch ms. */
  readonly from: number;
  readonly counts: Readonly<Record<Outcome, number>>;
  /** Undefined without ticks. */
  readonly worst: Outcome | undefined;
}

export const CELL_MS = 30 * 60_000;
export const CELLS = 48;

/** The start of the oldest cell; the newest one has the current time. @param now epoch ms */
export function stripStart(now: number): number {
  return (Math.floor(now / CELL_MS) - CELLS + 1) * CELL_MS;
}

/** The cells of runs in any order, the oldest first; runs of other times are left out. */
export function stripCells(
  runs: readonly Pick<ScheduleRun, "tick" | "outcome" | "ticks">[],
  now: number,
): readonly Cell[] {
  const start = stripStart(now);
  const counts = Array.from({ length: CELLS }, () => ({ fired: 0, late: 0, skipped: 0, missed: 0 }));
  for (const { tick, outcome, ticks } of runs) {
    const cell = counts[Math.floor((Date.parse(tick) - start) / CELL_MS)];
    if (cell) cell[outcome] += ticks;
  }
  return counts.map((each, at) => ({
    from: start + at * CELL_MS,
    counts: each,
    worst: OUTCOMES.findLast((outcome) => each[outcome] > 0),
  }));
}

/** `23 fired, 1 missed`; `no tick` */
export function countsText(counts: Readonly<Record<Outcome, number>>): string {
  const texts = OUTCOMES.filter((outcome) => counts[outcome] > 0).map(
    (outcome) => `${countText(counts[outcome])} ${outcome}`,
  );
  return texts.length === 0 ? "no tick" : texts.join(", ");
}

export function totalOf(cells: readonly Cell[]): Readonly<Record<Outcome, number>> {
  const sum = (outcome: Outcome): number => cells.reduce((total, { counts }) => total + counts[outcome], 0);
  return { fired: sum("fired"), late: sum("late"), skipped: sum("skipped"), missed: sum("missed") };
}
