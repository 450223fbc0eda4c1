/** What `taskflow verify` says, for people. */
import { outboxOf } from "./counts-check.ts";
import type { Verification } from "./verification.ts";

/** Lines of faults that are printed; all of them are in the JSON. */
const MAX_LINES = 1_000;

const COLUMNS = ["type", "accepted", "recorded", "queued", "scheduled", "retrying", "running", "outbox"] as const;

export function verifyReport({ jobCounts, jobsSeen, rows, inconsistencies, unexamined, notes }: Verification): string {
  const table = jobCounts.types.map((type) => [
    type.type,
    ...[type.accepted, type.recorded, type.queued, type.scheduled, type.retrying, type.running, outboxOf(type)].map(
      String,
    ),
  ]);
  const totals = COLUMNS.slice(1).map((_, i) => String(table.reduce((sum, row) => sum + Number(row[i + 1]), 0)));
  const lines = inconsistencies.slice(0, MAX_LINES).map(({ kind, id, text }) => `${kind} ${id ?? "-"}: ${text}`);
  if (inconsistencies.length > MAX_LINES)
    lines.push(`… and ${inconsistencies.length - MAX_LINES} more (--json names all)`);
  if (unexamined > 0) lines.push(`… and ${unexamined} more jobs that looked wrong; those above come first`);
  const verdict =
    inconsistencies.length === 0
      ? "No fault found."
      : inconsistencies.length === 1
        ? "1 fault found."
        : `${inconsistencies.length} faults found.`;
  return [
    ...align([COLUMNS, ...table, ["all", ...totals]]),
    "",
    `${jobsSeen} jobs in Redis looked at · ${rows} rows in Postgres · ${jobCounts.replicas.length} replicas · ${jobCounts.unaccounted} unaccounted`,
    ...notes,
    ...lines,
    verdict,
    "",
  ].join("\n");
}

/** The first column to the left, the others to the right. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
  );
}
