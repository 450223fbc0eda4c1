/** Runs an operation on all jobs that match filters: counts them, asks, starts the operation and follows it. */
import type { Command } from "commander";
import type { Job, ListFilters } from "../client/contract.ts";
import type { BulkOptions } from "../client/taskflow.ts";
import { StartError } from "../errors.ts";
import { printable } from "../observability/terminal-text.ts";
import { countBetween } from "./count-option.ts";
import { exactJson } from "./exact-json.ts";
import { IN_ORDER, ISSUES_FOUND } from "./exit-code.ts";
import { filtersText, valueText } from "./filter-options.ts";
import type { Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { exitCodeOf } from "./job-text.ts";
import { confirm } from "./terminal.ts";
import { durationOption } from "./time-option.ts";
import { printWhenEnded } from "./waiting.ts";

export interface BulkRunOptions {
  readonly rate?: number;
  readonly dryRun?: true;
  readonly yes?: true;
  /** Milliseconds. */
  readonly timeout?: number;
}

interface Operation {
  /** The command, for messages. */
  readonly command: string;
  readonly filters: ListFilters;
  /** Asks about the jobs: `Cancel 12 jobs of type webhook?`. */
  readonly question: (jobs: string) => string;
  readonly count: () => Promise<{ readonly matched: number }>;
  readonly start: () => Promise<Job>;
}

/** @param defaultRate the rate without `--rate`, for the help */
export function addBulkOptions(command: Command, verb: string, defaultRate = "no limit"): Command {
  return command
    .option("--rate <n>", `${verb} at most n jobs a second (default ${defaultRate})`, countBetween(1, 10_000))
    .option("--dry-run", "only count the jobs")
    .option("-y, --yes", "do not ask");
}

export function addFollowOptions(command: Command): Command {
  return command
    .option("--no-wait", "print the id of the job that performs the operation, and do not wait for it")
    .option("--timeout <duration>", "wait no longer than this, such as 30s or 10m", durationOption);
}

/** The options for the client's bulk calls. */
export function bulkOptionsOf({ rate }: BulkRunOptions, { signal }: Invocation): Omit<BulkOptions, "dryRun"> {
  return { signal, ...(rate !== undefined && { rate }) };
}

/**
 * Counts the jobs and asks, unless the options say otherwise.
 * @returns the job that performs the operation; or the exit code, where it was not started
 * @throws StartError where the question cannot be asked
 */
export async function startBulk(
  invocation: Invocation,
  { command, filters, question, count, start }: Operation,
  { dryRun, yes }: Pick<BulkRunOptions, "dryRun" | "yes">,
): Promise<Job | number> {
  const { terminal, isJson } = invocation;
  const { matched } = await count();
  const status = filters.status === undefined ? "" : `${valueText(filters.status)} `;
  const jobs = printable(`${matched} ${status}${matched === 1 ? "job" : "jobs"}${filtersText(filters)}`);
  if (dryRun === true || matched === 0) {
    if (isJson) printJson(terminal, { matched });
    else terminal.out.write(`${jobs}\n`);
    return IN_ORDER;
  }
  if (yes !== true) {
    if (terminal.input.isTTY !== true)
      throw new StartError(
        `${command}: ${jobs}: stdin is not a terminal, so the question cannot be asked; pass --yes to confirm.`,
      );
    if (!(await confirm(terminal, question(jobs)))) return ISSUES_FOUND;
  }
  return start();
}

/**
 * Waits for the job of an operation and prints how many jobs it reached; on a terminal also the progress.
 * @param done `cancelled`, for the summary
 * @param skippedBecause why it has skipped some
 * @returns the exit code
 */
export async function followBulk(
  invocation: Invocation,
  { id }: Job,
  done: string,
  { wait, timeout }: BulkRunOptions & { readonly wait: boolean },
  skippedBecause = "they had changed",
): Promise<number> {
  const { client, terminal, isJson, signal } = invocation;
  const { out, err } = terminal;
  if (!wait) {
    if (isJson) printJson(terminal, await client.get(id, { signal }));
    else out.write(`${id}\n`);
    return IN_ORDER;
  }
  if (isJson) return printWhenEnded(invocation, id, { ...(timeout !== undefined && { timeout }) });
  err.write(`Started ${id}, which continues if you interrupt this command.\n`);
  const isLive = out.isTTY === true;
  const job = await client.waitFor(id, {
    signal,
    timeoutMs: timeout,
    ...(isLive && { onProgress: (progress: number) => err.write(`\r${Math.floor(progress)} %`) }),
  });
  if (isLive) err.write("\r\u001b[K");
  out.write(`${summaryOf(job, done, skippedBecause)}\n`);
  return exitCodeOf(job);
}

function summaryOf({ status, error, result }: Job, done: string, skippedBecause: string): string {
  if (status !== "completed") return printable(error ? `${status}: ${error.code}: ${error.message}` : status);
  const counts = JSON.parse(exactJson.stringify(result)) as { readonly done: number; readonly skipped: number };
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped because ${skippedBecause}` : "";
  return `${counts.done} ${counts.done === 1 ? "job" : "jobs"} ${done}${skipped}`;
}
