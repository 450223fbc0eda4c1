/** The types at the top of the two tables. */
import type { Series } from "../../../client/taskflow.ts";

export type TypeTotals = NonNullable<Series["types"]>[number];

const ROWS = 5;

export function byTimeSpent(types: readonly TypeTotals[]): TypeTotals[] {
  return types
    .filter((type) => endedOf(type) > 0)
    .sort((a, b) => b.run_total_ms - a.run_total_ms || a.type.localeCompare(b.type))
    .slice(0, ROWS);
}

export function byFailures(types: readonly TypeTotals[]): TypeTotals[] {
  return types
    .filter(({ failed }) => failed > 0)
    .sort((a, b) => b.failed - a.failed || a.type.localeCompare(b.type))
    .slice(0, ROWS);
}

export function endedOf({ completed, failed, cancelled }: TypeTotals): number {
  return completed + failed + cancelled;
}

/** `100 %`, `4.2 %`, `< 0.1 %` */
export function percentText(part: number, whole: number): string {
  const percent = whole === 0 ? 0 : (100 * part) / whole;
  if (percent > 0 && percent < 0.1) return "< 0.1 %";
  if (percent < 100 && percent >= 99.95) return "> 99.9 %"; // rounding must not make it all of them
  return `${percent.toFixed(1).replace(/\.0$/, "")} %`;
}
