/** `taskflow errors`, `history` and `audit`: what happened. */
import type { Command } from "commander";
import { Option } from "commander";
import type { AuditEntry, ErrorGroups, Series } from "../client/contract.ts";
import { printable } from "../observability/terminal-text.ts";
import { countBetween } from "./count-option.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import type { Column } from "./table.ts";
import { tablePrinter } from "./table.ts";
import { durationText, pastOption, timeText } from "./time-option.ts";

const DEFAULT_ENTRIES = 50;
const MAX_PAGE = 1_000;

type ErrorGroup = ErrorGroups["errors"][number];
type SeriesStep = Series["series"][number];

interface RangeOptions {
  readonly since?: string;
  readonly until?: string;
  readonly type?: string;
}

interface HistoryOptions extends RangeOptions {
  readonly step?: "minute" | "hour" | "day";
  readonly by?: "type";
}

interface AuditOptions extends Omit<RangeOptions, "type"> {
  readonly action?: string;
  readonly by?: string;
  readonly limit: number;
}

export function addHistoryCommands(program: Command, act: Act): void {
  const errors = program
    .command("errors")
    .summary("shows failures, grouped by their cause")
    .description(
      "Shows failed jobs, grouped by type, code and message, the most frequent first; of the last 24 hours by default.\n" +
        'Numbers, ids and quoted parts of messages do not count. To see the jobs of a group: taskflow list -q "type:… code:…".',
    );
  addRangeOptions(errors, "failed")
    .option("--type <type>", "of these types, separated by commas")
    .action(act(printErrors));
  const history = program
    .command("history")
    .summary("shows counts and latencies over time")
    .description(
      "Shows how many jobs ended in each minute, hour or day, and their latencies; the last hour by default.",
    );
  addRangeOptions(history, "ended")
    .addOption(new Option("--step <step>", "the length of a row (default minute)").choices(["minute", "hour", "day"]))
    .addOption(new Option("--by <what>", "a row for each type, those with the most run time first").choices(["type"]))
    .option("--type <type>", "of these types, separated by commas")
    .action(act(printHistory));
  const audit = program
    .command("audit")
    .summary("shows what people changed")
    .description(
      `Shows what people changed, newest first: pauses, bulk operations, erasures, API keys; ${DEFAULT_ENTRIES} entries by default.`,
    );
  addRangeOptions(audit, "changed")
    .option("--action <action>", "of this action, such as jobs.cancel")
    .option("--by <key>", "by the API key of this name or id")
    .option("--limit <n>", "at most n entries", countBetween(1, 999_999_999), DEFAULT_ENTRIES)
    .action(act(printAudit));
}

function addRangeOptions(command: Command, verb: string): Command {
  const past = (text: string): string => pastOption(text, Date.now());
  return command
    .option("--since <time>", `${verb} since: a time ago such as 2h or 7d, or an RFC 3339 time`, past)
    .option("--until <time>", `${verb} before, in the same forms`, past);
}

function rangeOf({ since, until, type }: RangeOptions): { from?: string; to?: string; type?: string } {
  return {
    ...(since !== undefined && { from: since }),
    ...(until !== undefined && { to: until }),
    ...(type !== undefined && { type }),
  };
}

const ERROR_COLUMNS: readonly Column<ErrorGroup>[] = [
  { title: "count", text: ({ count }) => String(count), align: "right" },
  { title: "type", text: ({ type }) => type },
  { title: "code", text: ({ code }) => code, colour: () => "red" },
  { title: "first seen", text: ({ first_seen }) => timeText(first_seen) },
  { title: "last seen", text: ({ last_seen }) => timeText(last_seen) },
  { title: "example", text: ({ examples }) => examples[0] ?? "" },
  { title: "message", text: ({ signature }) => signature },
];

async function printErrors({ client, terminal, isJson, signal }: Invocation, options: RangeOptions): Promise<number> {
  const answer = await client.errors({ ...rangeOf(options), signal });
  if (isJson) printJson(terminal, answer);
  else if (answer.errors.length === 0) terminal.err.write("No failures.\n");
  else tablePrinter(terminal, ERROR_COLUMNS)(answer.errors);
  if (!isJson && answer.truncated) terminal.err.write("There are more groups: choose a type or a shorter time.\n");
  return IN_ORDER;
}

const latencyColumn = (title: string, name: "pickup_ms" | "run_ms", quantile: "p50" | "p95"): Column<SeriesStep> => ({
  title: `${title} ${quantile}`,
  text: (step) => {
    const latency = step[name]?.[quantile];
    return typeof latency === "number" ? durationText(latency) : "-";
  },
  align: "right",
});
type TypeCounts = NonNullable<Series["types"]>[number];
const COUNT_COLUMNS: readonly Column<Omit<TypeCounts, "type" | "run_total_ms" | "pickup_ms" | "run_ms">>[] = (
  ["completed", "failed", "cancelled", "retries"] as const
).map((name) => ({ title: name, text: (counts) => String(counts[name]), align: "right" }));
const TYPE_COLUMNS: readonly Column<TypeCounts>[] = [
  { title: "type", text: ({ type }) => type },
  ...COUNT_COLUMNS,
  { title: "run time", text: ({ run_total_ms }) => durationText(run_total_ms), align: "right" },
];
const SERIES_COLUMNS: readonly Column<SeriesStep>[] = [
  { title: "from", text: ({ at }) => timeText(at) },
  ...COUNT_COLUMNS,
  ...(["p50", "p95"] as const).map((quantile) => latencyColumn("pickup", "pickup_ms", quantile)),
  ...(["p50", "p95"] as const).map((quantile) => latencyColumn("run", "run_ms", quantile)),
];

async function printHistory(
  { client, terminal, isJson, signal }: Invocation,
  { step, by, ...options }: HistoryOptions,
): Promise<number> {
  const answer = await client.series({ ...rangeOf(options), ...(step && { step }), ...(by && { by }), signal });
  if (isJson) printJson(terminal, answer);
  else if (answer.types) tablePrinter(terminal, TYPE_COLUMNS)(answer.types);
  else tablePrinter(terminal, SERIES_COLUMNS)(answer.series);
  return IN_ORDER;
}

const AUDIT_COLUMNS: readonly Column<AuditEntry>[] = [
  { title: "at", text: ({ at }) => timeText(at) },
  { title: "key", text: ({ key }) => key?.name ?? "-" },
  { title: "action", text: ({ action }) => action },
  { title: "count", text: ({ count }) => (count === null ? "" : String(count)), align: "right" },
  { title: "target", text: ({ target }) => printable(target) },
];

async function printAudit(
  { client, terminal, isJson, signal }: Invocation,
  { action, by, limit, ...options }: AuditOptions,
): Promise<number> {
  const entries: AuditEntry[] = [];
  let count = 0;
  const filters = {
    ...rangeOf(options),
    ...(action !== undefined && { action }),
    ...(by !== undefined && { key: by }),
  };
  for await (const entry of client.audit({ ...filters, pageSize: Math.min(limit, MAX_PAGE), signal })) {
    if (isJson) printJson(terminal, entry);
    else entries.push(entry);
    count += 1;
    if (count >= limit) break;
  }
  if (isJson) return IN_ORDER;
  if (count === 0) terminal.err.write("No entries.\n");
  else tablePrinter(terminal, AUDIT_COLUMNS)(entries);
  return IN_ORDER;
}
