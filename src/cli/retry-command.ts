/** `taskflow retry`: runs failed or cancelled jobs again, by their ids or all that match filters. */
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
    .summary("runs failed or cancelled jobs again")
    .description(
      "Runs jobs again, each as a new job: the jobs with these ids, or with --failed or --cancelled all jobs that match the\n" +
        "filters. In bulk it first counts them and asks for confirmation; then it prints the id of the job that submits them,\n" +
        "whose result is their number. That job continues after restarts, and waits while your quota is used up.\n" +
        "The originals stay failed or cancelled, so the same call runs them again. Reruns, which name their original in\n" +
        "retry_of, are left out without --include-replayed. A key with the scope submit and without read can retry the jobs\n" +
        "that it submitted, by their ids.",
    )
    .argument("[id...]")
    .option("--failed", "all failed jobs that match the filters")
    .option("--cancelled", "all cancelled jobs that match the filters");
  addFilterOptions(command)
    .option("--rate <n>", "submit at most n jobs a second (default 100)", countBetween(1, 10_000))
    .option("--include-replayed", "include jobs that are reruns of other jobs")
    .option("--dry-run", "only count the jobs")
    .option("-y, --yes", "do not ask");
  addWaitOptions(command).action(act(retry));
}

async function retry(invocation: Invocation, ids: readonly string[], options: RetryOptions): Promise<number> {
  const { failed = false, cancelled = false, rate, dryRun, includeReplayed } = options;
  const isBulk = failed || cancelled;
  if (failed && cancelled) throw new StartError("retry: use either --failed or --cancelled, not both.");
  if (isBulk === ids.length > 0)
    throw new StartError("retry: expected ids of jobs, or one of --failed and --cancelled.");
  if (isBulk) return retryMatching(invocation, failed ? "failed" : "cancelled", options);
  if (filtersText(options) !== "" || (rate ?? dryRun ?? includeReplayed) !== undefined)
    throw new StartError(
      "retry: filters, --rate, --include-replayed and --dry-run need --failed or --cancelled, and cannot be combined with ids.",
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
      throw new StartError(
        `retry: ${what}: stdin is not a terminal, so the question cannot be asked; pass --yes to confirm.`,
      );
    if (!(await confirm(terminal, `Run ${what} again?`))) return ISSUES_FOUND;
  }
  const job = await client.replay(filters, { rate, signal });
  if (wait) return printWhenEnded(invocation, job.id, options);
  if (isJson) printJson(terminal, job);
  else terminal.out.write(`${job.id}\n`);
  return IN_ORDER;
}
