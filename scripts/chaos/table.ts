/** The table at the end of a run. */
import { markdownTable } from "../../src/cli/text-table.ts";
import type { Result } from "./scenario.ts";

const COLUMNS = [
  "fault",
  "jobs",
  "rows",
  "lost",
  "doubled",
  "repeated",
  "recovery",
  "others' pickup",
  "verdict",
] as const;

/** A line for each result, a sum, and below it the violations. */
export function tableText(results: readonly Result[]): string {
  const lines = results.map((result) => [
    ...[
      result.name,
      String(result.accepted),
      String(result.rows),
      String(result.lost),
      String(result.doubled),
      String(result.repeated),
    ],
    ...[result.recoveryMs === undefined ? "-" : `${(result.recoveryMs / 1_000).toFixed(1)} s`],
    ...[
      result.pickup === undefined
        ? "-"
        : `${result.pickup.idleMs.toFixed(0)} to ${result.pickup.faultMs.toFixed(0)} ms`,
      result.verdict,
    ],
  ]);
  const sum = (of: (result: Result) => number): string =>
    String(results.reduce((total, result) => total + of(result), 0));
  const sums = [
    "all",
    sum((r) => r.accepted),
    sum((r) => r.rows),
    sum((r) => r.lost),
    sum((r) => r.doubled),
    sum((r) => r.repeated),
    "",
    "",
    "",
  ];
  const rows = [[...COLUMNS], ...lines, sums];
  const isRight = (column: number): boolean => column !== 0 && column !== COLUMNS.length - 1;
  return [markdownTable(rows, { isRight }), "", ...results.flatMap(detailsOf)].join("\n");
}

function detailsOf({ name, verdict, violations, notes }: Result): string[] {
  const isHeld = verdict === "held";
  return [
    ...violations.map((violation) => `${name}: ${violation}`),
    ...(isHeld || violations.length > 0 ? notes.map((note) => `${name}: ${note}`) : []),
  ];
}
