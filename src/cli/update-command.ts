/** `taskflow update`: changes waiting jobs, by their ids or all that match filters. */
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import type { JobPatch } from "../client/contract.ts";
import { parseTime } from "../core/rfc3339.ts";
import { StartError } from "../errors.ts";
import { printable } from "../observability/terminal-text.ts";
import { expectNoBulkOptions } from "./act-commands.ts";
import type { BulkRunOptions } from "./bulk-run.ts";
import { addBulkOptions, addFollowOptions, bulkOptionsOf, followBulk, startBulk } from "./bulk-run.ts";
import { countBetween } from "./count-option.ts";
import { withEachJob } from "./each-job.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { FilterName, FilterOptions } from "./filter-options.ts";
import { addFilterOptions, filtersOf } from "./filter-options.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { readPayload } from "./payload.ts";
import { durationOption, durationText } from "./time-option.ts";

/** Filters that have the names of changes; `-q` has them. */
const CHANGES: readonly FilterName[] = ["tag", "payload"];

const NOW = "now";
const NEVER = "never";

interface ChangeOptions {
  readonly priority?: number;
  /** RFC 3339, or {@link NOW}. */
  readonly runAt?: string;
  readonly delay?: number;
  readonly tag?: readonly string[];
  readonly tags: boolean;
  /** RFC 3339, or {@link NEVER}. */
  readonly expiresAt?: string;
  readonly maxAttempts?: number;
  readonly payload?: string;
}

interface UpdateOptions extends ChangeOptions, Omit<FilterOptions, "tag" | "payload">, BulkRunOptions {
  readonly all?: true;
  readonly wait: boolean;
}

export function addUpdateCommand(program: Command, act: Act): void {
  const command = program
    .command("update")
    .summary("changes waiting jobs")
    .description(
      "Changes scheduled, queued and retrying jobs: those with these ids, or with --all all that match the filters. --tag and\n" +
        "--payload are changes here; to choose jobs by them use -q, as in -q tag:news. With --all it first counts the jobs and\n" +
        "asks for confirmation; then it starts a job that changes them, and shows its progress.",
    )
    .argument("[id...]")
    .option("--priority <n>", "the new priority, 0 to 9, higher first", countBetween(0, 9))
    .option("--run-at <time>", "start no earlier than this RFC 3339 time, or now", timeOr(NOW))
    .option("--delay <duration>", "start after this time at the earliest, counted from now", durationOption)
    .option(
      "--tag <tag>",
      "replace the tags; repeat the option for several",
      (tag, tags: readonly string[] | undefined) => [...(tags ?? []), tag],
    )
    .option("--no-tags", "remove all tags")
    .option("--expires-at <time>", "fail unless started by this RFC 3339 time, or never", timeOr(NEVER))
    .option("--max-attempts <n>", "the new maximum, 1 to 25", countBetween(1, 25))
    .option("--payload <json>", "merge this JSON into the payload: JSON itself, @FILE, or -; only with ids")
    .option("--all", "all jobs that match the filters");
  addFilterOptions(command, CHANGES);
  addBulkOptions(command, "update");
  addFollowOptions(command).action(act(update));
}

/** @returns a parser of times that keeps `word` as it is: the parser of a command replaces null by "" */
function timeOr(word: string): (text: string) => string {
  return (text) => {
    if (text === word) return word;
    const time = parseTime(text);
    if (time === undefined) throw new InvalidArgumentError(`Expected ${word}, or a time such as 2026-01-31T08:00:00Z.`);
    return new Date(time).toISOString();
  };
}

async function update(invocation: Invocation, ids: readonly string[], options: UpdateOptions): Promise<number> {
  const { client, signal } = invocation;
  const { all = false, payload } = options;
  const filters = filtersOf(filterOptionsOf(options));
  const set = changesOf(options);
  if (all === ids.length > 0) throw new StartError("update: expected either ids of jobs or --all.");
  if (Object.keys(set).length === 0 && payload === undefined)
    throw new StartError(
      "update: expected a change: --priority, --run-at, --delay, --tag, --no-tags, --expires-at, --max-attempts or --payload.",
    );
  if (!all) {
    expectNoBulkOptions("update", filters, options);
    return updateEach(invocation, ids, set, payload);
  }
  if (payload !== undefined)
    throw new StartError("update: --payload needs ids of jobs, and cannot be combined with --all.");
  const started = await startBulk(
    invocation,
    {
      command: "update",
      filters,
      question: (jobs) => `Set ${changesText(set)} of ${jobs}?`,
      count: () => client.updateAll(filters, { set, dryRun: true, signal }),
      start: () => client.updateAll(filters, { ...bulkOptionsOf(options, invocation), set }),
    },
    options,
  );
  return typeof started === "number" ? started : followBulk(invocation, started, "updated", options);
}

/** The options that filter: `tag` and `payload` are changes. */
function filterOptionsOf(options: UpdateOptions): FilterOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !(CHANGES as readonly string[]).includes(name)));
}

/** @throws StartError for two options that exclude each other */
function changesOf({ priority, runAt, delay, tag, tags, expiresAt, maxAttempts }: ChangeOptions): JobPatch {
  if (runAt !== undefined && delay !== undefined)
    throw new StartError("update: use either --run-at or --delay, not both.");
  if (tag !== undefined && !tags) throw new StartError("update: use either --tag or --no-tags, not both.");
  return {
    ...(priority !== undefined && { priority }),
    ...(runAt !== undefined && { runAt: runAt === NOW ? null : runAt }),
    ...(delay !== undefined && { delayMs: delay }),
    ...(tag !== undefined && { tags: tag }),
    ...(!tags && { tags: null }),
    ...(expiresAt !== undefined && { expiresAt: expiresAt === NEVER ? null : expiresAt }),
    ...(maxAttempts !== undefined && { maxAttempts }),
  };
}

/** `priority to 1, tags to a, b`. */
function changesText({ priority, runAt, delayMs, tags, expiresAt, maxAttempts }: JobPatch): string {
  const all = [
    ["priority", priority],
    ["start", runAt === null ? "now" : runAt],
    ["start", delayMs === undefined || delayMs === null ? undefined : `in ${durationText(delayMs)}`],
    ["tags", tags === null ? "none" : tags?.join(", ")],
    ["expiry", expiresAt === null ? "never" : expiresAt],
    ["max attempts", maxAttempts],
  ] as const;
  return printable(
    all.flatMap(([name, value]) => (value === undefined ? [] : [`${name} to ${String(value)}`])).join(", "),
  );
}

async function updateEach(
  invocation: Invocation,
  ids: readonly string[],
  set: JobPatch,
  payloadSource: string | undefined,
): Promise<number> {
  const { client, terminal, isJson } = invocation;
  const payload = payloadSource === undefined ? undefined : await readPayload(payloadSource, terminal.input);
  return withEachJob(invocation, ids, async (id) => {
    const job = await client.update(id, { ...set, ...(payload !== undefined && { payload }) });
    if (isJson) printJson(terminal, job);
    else terminal.out.write(`${id} is ${job.status}\n`);
    return IN_ORDER;
  });
}
