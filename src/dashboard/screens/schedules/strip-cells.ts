/** The outcomes of the ticks of the last 24 hours, in cells of half an hour. */
import type { Schedule, ScheduleRun } from "../../../client/taskflow.ts";
import { countText } from "../../parts/format.ts";

export type Outcome = ScheduleRun["outcome"];
type Counts = Readonly<Record<Outcome, number>>;
export type RecentTicks = NonNullable<Schedule["recent_ticks"]>;

/** From the best to the worst: the worst one of a cell gives it its mark. */
const OUTCOMES: readonly Outcome[] = ["fired", "late", "skipped", "missed"];

export interface Cell {
  /** Epoch ms. */
  readonly from: number;
  readonly counts: Counts;
  /** Undefined without ticks. */
  readonly worst: Outcome | undefined;
}

export const CELL_MS = 30 * 60_000;
export const CELLS = 48;

/** The start of the oldest cell; the newest one has the current time. @param now epoch ms */
export function stripStart(now: number): number {
  return (Math.floor(now / CELL_MS) - CELLS + 1) * CELL_MS;
}

/**
 * The cells, the oldest first; half hours of other times are left out.
 * @param last the latest tick, which the half hours may not have yet
 */
export function stripCells(
  recent: RecentTicks,
  last: Pick<ScheduleRun, "tick" | "outcome"> | null,
  now: number,
): readonly Cell[] {
  const start = stripStart(now);
  const cellOf = (time: string): number => Math.floor((Date.parse(time) - start) / CELL_MS);
  const counts: Counts[] = Array.from({ length: CELLS }, () => ({ fired: 0, late: 0, skipped: 0, missed: 0 }));
  for (const { from, ...of } of recent) if (cellOf(from) in counts) counts[cellOf(from)] = of;
  const lastCell = last && counts[cellOf(last.tick)];
  if (lastCell && OUTCOMES.every((outcome) => lastCell[outcome] === 0))
    counts[cellOf(last.tick)] = { ...lastCell, [last.outcome]: 1 };
  return counts.map((each, at) => ({
    from: start + at * CELL_MS,
    counts: each,
    worst: OUTCOMES.findLast((outcome) => each[outcome] > 0),
  }));
}

/** `23 fired, 1 missed`; `no tick` */
export function countsText(counts: Counts): string {
  const texts = OUTCOMES.filter((outcome) => counts[outcome] > 0).map(
    (outcome) => `${countText(counts[outcome])} ${outcome}`,
  );
  return texts.length === 0 ? "no tick" : texts.join(", ");
}

export function totalOf(cells: readonly Cell[]): Counts {
  const sum = (outcome: Outcome): number => cells.reduce((total, { counts }) => total + counts[outcome], 0);
  return { fired: sum("fired"), late: sum("late"), skipped: sum("skipped"), missed: sum("missed") };
}
