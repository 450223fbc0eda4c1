/** The results of the benchmark, and the report with a table of figures and a table of goals. */
import { markdownTable } from "../src/cli/text-table.ts";
import { medianOf } from "./median.ts";

/** One measure with its value in each round. */
export interface Reading {
  readonly name: string;
  /** The unit of the values: `jobs/s`, `ms`, `bytes`; empty for plain ratios. */
  readonly unit: string;
  readonly values: readonly number[];
  /** The ratio of another reading to this one in each round. */
  readonly ratios?: { readonly of: string; readonly values: readonly number[] };
}

export interface Goal {
  readonly text: string;
  /** NaN if this machine cannot measure it. */
  readonly value: number;
  /** The least or the greatest value that meets the goal. */
  readonly limit: { readonly least: number } | { readonly most: number };
  readonly unit: string;
}

export interface FigureResult {
  readonly readings: readonly Reading[];
  readonly goals: readonly Goal[];
  /** Sentences that explain the figures. */
  readonly notes: readonly string[];
  /** The error of a figure without readings. */
  readonly failure?: string;
}

export interface Report {
  readonly machine: string;
  readonly generator: string;
  readonly baselineSha256: string;
  readonly rounds: number;
  readonly isQuick: boolean;
  readonly figures: readonly (FigureResult & { readonly figure: string; readonly title: string })[];
}

export function isMet({ value, limit }: Goal): boolean {
  return "least" in limit ? value >= limit.least : value <= limit.most;
}

/** Three significant digits: 12,300 · 12.3 · 0.0123 */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return "-";
  return value.toLocaleString(
    "en-US",
    Math.abs(value) >= 1_000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 },
  );
}

function readingCells({ name, unit, values, ratios }: Reading): string[] {
  const spread = values.length < 2 ? "" : `${numberText(Math.min(...values))} to ${numberText(Math.max(...values))}`;
  const ratio = ratios === undefined ? "" : `${ratios.of}: ${medianOf(ratios.values).toFixed(2)} ×`;
  return [name, numberText(medianOf(values)), unit, spread, ratio];
}

function goalCells(goal: Goal): string[] {
  const limit = "least" in goal.limit ? `≥ ${goal.limit.least}` : `≤ ${goal.limit.most}`;
  const verdict = Number.isNaN(goal.value) ? "not measured" : isMet(goal) ? "met" : "MISSED";
  return [goal.text, `${limit} ${goal.unit}`.trim(), numberText(goal.value), verdict];
}

export function reportText(report: Report): string {
  const figures = report.figures.flatMap(({ figure, readings }) =>
    readings.map((reading) => [figure, ...readingCells(reading)]),
  );
  const goals = report.figures.flatMap((figure) => figure.goals).map(goalCells);
  const notes = report.figures.flatMap(({ figure, notes: lines, failure }) =>
    [...lines, ...(failure === undefined ? [] : [`FAILED: ${failure}`])].map((line) => `${figure}: ${line}`),
  );
  return [
    `${report.machine}\nload by ${report.generator}; ${report.rounds} rounds${report.isQuick ? ", quick: too short to judge by" : ""}; baseline.mjs SHA-256 ${report.baselineSha256}`,
    markdownTable([["figure", "what", "median", "unit", "rounds", "median ratio"], ...figures]),
    ...(goals.length === 0 ? [] : [markdownTable([["goal", "asked", "measured", ""], ...goals])]),
    ...(notes.length === 0 ? [] : [notes.join("\n")]),
  ].join("\n\n");
}
