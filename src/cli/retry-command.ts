/** `taskflow retry`: failed or cancelled jobs once more, by their ids or all that a filter names. */
import type { Command } from "commander";
import type { ReplayFilters } from "../client/contract.ts";
import { StartError } from "../errors.ts";
import { countBetween } from "./count-option.ts";
import { withEachJob } from "./each-job.ts";
import { IN_ORDER, ISSUES_FOUND } from "./exit-code.ts";
import type { FilterOptions } from "./filter-options.ts";
import { addFilterOptions, filtersOf, filtersText } from "./filter-options.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { confirm } from "./terminal.ts";
import type { WaitOptions } from "./waiting.ts";
import { addWaitOptions, printWhenEnded } from "./waiting.ts";

interface RetryOptions extends FilterOptions, WaitOptions {
  readonly failed?: true;
  readonly cancelled?: true;
  readonly rate?: number;
  readonly includeReplayed?: true;
  readonly dryRun?: true;
  readonly yes?: true;
}

export function addRetryCommand(program: Command, act: Act): void {
  const command = program
    .command("retry")
    .summary("runs failed or cancelled jobs once more")
    .description(
      "Runs jobs once more, each as a new job: those that are named, or with --failed or --cancelled all that the filters\nname. In bulk it counts first and asks; it prints the id of the job that submits them, whose result tells how many.\nThe originals stay failed or cancelled: the same call, given again, runs them again. Their copies, which name them in\nretry_of, are left out without --include-replayed. The job goes on over restarts, and waits while your quota is spent. A key with the scope\nsubmit and without read retries the jobs that it submitted, by their ids.",
    )
    .argument("[id...]")
    .option("--failed", "all failed jobs that the filters name")
    .option("--cancelled", "all cancelled jobs that the filters name");
  addFilterOptions(command)
    .option("--rate <n>", "at most so many a second (default 100)", countBetween(1, 10_000))
    .option("--include-replayed", "also jobs that run another one again")
    .option("--dry-run", "only count them")
    .option("-y, --yes", "do not ask");
  addWaitOptions(command).action(act(retry));
}

async function retry(invocation: Invocation, ids: readonly string[], options: RetryOptions): Promise<number> {
  const { failed = false, cancelled = false, rate, dryRun, includeReplayed } = options;
  const isBulk = failed || cancelled;
  if (failed && cancelled) throw new StartError("retry: --failed and --cancelled are two calls.");
  if (isBulk === ids.length > 0)
    throw new StartError("retry: expected ids of jobs, or one of --failed and --cancelled.");
  if (isBulk) return retryMatching(invocation, failed ? "failed" : "cancelled", options);
  if (filtersText(options) !== "" || (rate ?? dryRun ?? includeReplayed) !== undefined)
    throw new StartError(
      "retry: filters, --rate, --include-replayed and --dry-run go with --failed or --cancelled, not with ids.",
    );
  return retryEach(invocation, ids, options);
}

async function retryEach(invocation: Invocation, ids: readonly string[], options: WaitOptions): Promise<number> {
  const { client, terminal, isJson } = invocation;
  return withEachJob(invocation, ids, async (id) => {
    const job = await client.retry(id);
    if (options.wait) return printWhenEnded(invocation, job.id, options);
    if (isJson) printJson(terminal, job);
    else terminal.out.write(`${job.id}\n`);
    return IN_ORDER;
  });
}

async function retryMatching(
  invocation: Invocation,
  status: "failed" | "cancelled",
  options: RetryOptions,
): Promise<number> {
  const { client, terminal, isJson, signal } = invocation;
  const { rate, includeReplayed, dryRun = false, yes = false, wait = false } = options;
  const filters: ReplayFilters = { ...filtersOf(options), status, ...(includeReplayed && { includeReplayed }) };
  const { matched } = await client.replay(filters, { dryRun: true, signal });
  const what = `${matched} ${status} ${matched === 1 ? "job" : "jobs"}${filtersText(options)}`;
  if (dryRun || matched === 0) {
    if (isJson) printJson(terminal, { matched });
    else terminal.out.write(`${what}\n`);
    return IN_ORDER;
  }
  if (!yes) {
    if (terminal.input.isTTY !== true)
      throw new StartError(`retry: ${what}: nobody can be asked here; --yes runs them again.`);
    if (!(await confirm(terminal, `Run ${what} once more?`))) return ISSUES_FOUND;
  }
  const job = await client.replay(filters, { rate, signal });
  if (wait) return printWhenEnded(invocation, job.id, options);
  if (isJson) printJson(terminal, job);
  else terminal.out.write(`${job.id}\n`);
  return IN_ORDER;
}
