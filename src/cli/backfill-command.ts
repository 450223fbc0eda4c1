/** `taskflow schedules backfill` */
import type { Command } from "commander";
import type { BackfillOptions } from "../client/taskflow.ts";
import type { BulkRunOptions } from "./bulk-run.ts";
import { addBulkOptions, addFollowOptions, bulkOptionsOf, followBulk, startBulk } from "./bulk-run.ts";
import { countBetween } from "./count-option.ts";
import type { Act, Invocation } from "./invocation.ts";
import { pastOption } from "./time-option.ts";

const MAX_TICKS = 100_000;

interface BackfillCommandOptions extends BulkRunOptions {
  readonly from: string;
  readonly to?: string;
  readonly max?: number;
  readonly wait: boolean;
}

export function addBackfillCommand(schedules: Command, act: Act): void {
  const past = (text: string): string => pastOption(text, Date.now());
  const command = schedules
    .command("backfill")
    .summary("submits the jobs of past ticks")
    .description(
      "Submits a job for each tick of a schedule in a range, the oldest first. It counts the ticks and asks for confirmation;\n" +
        "then it starts a job that submits the others, and shows its progress.",
    )
    .argument("<name>")
    .requiredOption("--from <time>", "from a time ago such as 2h or 7d, or an RFC 3339 time", past)
    .option("--to <time>", "up to this time, in the same forms (default now)", past)
    .option("--max <n>", "reject a range with more ticks (default 1000)", countBetween(1, MAX_TICKS));
  addFollowOptions(addBulkOptions(command, "submit", "100")).action(act(backfill));
}

async function backfill(invocation: Invocation, name: string, options: BackfillCommandOptions): Promise<number> {
  const { client, signal } = invocation;
  const { from, max } = options;
  // both calls must have the same end
  const range: Pick<BackfillOptions, "from" | "to" | "max"> = { from, to: options.to ?? new Date(), max };
  const started = await startBulk(
    invocation,
    {
      command: "schedules backfill",
      filters: {},
      question: (jobs) => `Submit ${jobs}?`,
      count: () => client.backfillSchedule(name, { ...range, dryRun: true, signal }),
      start: () => client.backfillSchedule(name, { ...range, ...bulkOptionsOf(options, invocation) }),
    },
    options,
  );
  return typeof started === "number"
    ? started
    : followBulk(invocation, started, "submitted", options, "their jobs are not valid");
}
