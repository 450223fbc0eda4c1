/** The result of `taskflow verify` as text. */
import { outboxOf } from "../verify/counts-check.ts";
import type { Verification } from "../verify/verification.ts";
import { plainTable } from "./text-table.ts";

/** The number of inconsistencies that the text lists at most; the JSON lists all. */
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
    lines.push(`… and ${inconsistencies.length - MAX_LINES} more (--json lists all)`);
  if (unexamined > 0)
    lines.push(`… and ${unexamined} more jobs that looked wrong and were not checked again; resolve those above first`);
  return [
    plainTable([COLUMNS, ...table, ["all", ...totals]], { isRight: (column) => column > 0 }),
    "",
    `${jobsSeen} jobs in Redis checked · ${rows} rows in Postgres · ${jobCounts.replicas.length} replicas · ${jobCounts.unaccounted} unaccounted`,
    ...notes,
    ...lines,
    foundText(inconsistencies.length),
    "",
  ].join("\n");
}

function foundText(count: number): string {
  if (count === 0) return "No inconsistency found.";
  return count === 1 ? "1 inconsistency found." : `${count} inconsistencies found.`;
}
