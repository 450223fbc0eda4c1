/** `taskflow retry`: runs failed or cancelled jobs again, by their ids or all that match filters. */
import type { Command } from "commander";
import type { ReplayFilters } from "../client/contract.ts";
import { StartError } from "../errors.ts";
import type { BulkRunOptions } from "./bulk-run.ts";
import { addBulkOptions, bulkOptionsOf, startBulk } from "./bulk-run.ts";
import { withEachJob } from "./each-job.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { FilterOptions } from "./filter-options.ts";
import { addFilterOptions, filtersOf } from "./filter-options.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import type { WaitOptions } from "./waiting.ts";
import { addWaitOptions, printWhenEnded } from "./waiting.ts";

interface RetryOptions extends FilterOptions, Omit<BulkRunOptions, "timeout">, WaitOptions {
  readonly failed?: true;
  readonly cancelled?: true;
  readonly includeReplayed?: true;
  readonly alone?: true;
}

export function addRetryCommand(program: Command, act: Act): void {
  const command = program
    .command("retry")
    .summary("runs failed or cancelled jobs again")
    .description(
      "Runs jobs again, each as a new job: the jobs with these ids, or with --failed, --cancelled or a status in -q all jobs that\n" +
        "match the filters. In bulk it first counts them and asks for confirmation; then it prints the id of the job that submits them,\n" +
        "whose result is their number. That job continues after restarts, and waits while your quota is used up.\n" +
        "The originals stay failed or cancelled, so the same call runs them again. Reruns, which name their original in\n" +
        "retry_of, are left out without --include-replayed. A key with the scope submit and without read can retry the jobs\n" +
        "that it submitted, by their ids.",
    )
    .argument("[id...]")
    .option("--failed", "all failed jobs that match the filters")
    .option("--cancelled", "all cancelled jobs that match the filters");
  addFilterOptions(command, ["status"]).option("--include-replayed", "include jobs that are reruns of other jobs");
  command.option("--alone", "with ids: also a job of a flow or batch, which stays as it is");
  addBulkOptions(command, "submit", "100");
  addWaitOptions(command).action(act(retry));
}

async function retry(invocation: Invocation, ids: readonly string[], options: RetryOptions): Promise<number> {
  const { failed = false, cancelled = false, rate, dryRun, includeReplayed } = options;
  const given = filtersOf(options);
  const statuses = [failed, cancelled, given.status !== undefined].filter(Boolean).length;
  if (failed && cancelled) throw new StartError("retry: use either --failed or --cancelled, not both.");
  if (statuses > 1) throw new StartError("retry: -q has a status: use it without --failed and --cancelled.");
  if ((statuses === 1) === ids.length > 0)
    throw new StartError("retry: expected ids of jobs, or one of --failed and --cancelled, or -q with a status.");
  if (statuses === 1 && options.alone) throw new StartError("retry: --alone needs ids of jobs.");
  if (statuses === 1)
    return retryMatching(invocation, failed ? "failed" : cancelled ? "cancelled" : undefined, options);
  if (Object.keys(given).length > 0 || (rate ?? dryRun ?? includeReplayed) !== undefined)
    throw new StartError(
      "retry: filters, --rate, --include-replayed and --dry-run need --failed or --cancelled, and cannot be combined with ids.",
    );
  return retryEach(invocation, ids, options);
}

async function retryEach(
  invocation: Invocation,
  ids: readonly string[],
  options: WaitOptions & Pick<RetryOptions, "alone">,
): Promise<number> {
  const { client, terminal, isJson } = invocation;
  return withEachJob(invocation, ids, async (id) => {
    const job = await client.retry(id, { alone: options.alone });
    if (options.wait) return printWhenEnded(invocation, job.id, options);
    if (isJson) printJson(terminal, job);
    else terminal.out.write(`${job.id}\n`);
    return IN_ORDER;
  });
}

async function retryMatching(
  invocation: Invocation,
  status: "failed" | "cancelled" | undefined,
  options: RetryOptions,
): Promise<number> {
  const { client, terminal, isJson, signal } = invocation;
  const { includeReplayed, wait = false } = options;
  const filters: ReplayFilters = {
    ...filtersOf(options),
    ...(status !== undefined && { status }),
    ...(includeReplayed && { includeReplayed }),
  };
  const started = await startBulk(
    invocation,
    {
      command: "retry",
      filters,
      question: (jobs) => `Run ${jobs} again?`,
      count: () => client.replay(filters, { dryRun: true, signal }),
      start: () => client.replay(filters, bulkOptionsOf(options, invocation)),
    },
    options,
  );
  if (typeof started === "number") return started;
  if (wait) return printWhenEnded(invocation, started.id, options);
  if (isJson) printJson(terminal, started);
  else terminal.out.write(`${started.id}\n`);
  return IN_ORDER;
}
