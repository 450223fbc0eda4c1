/** `taskflow batch …` */
import type { Command } from "commander";
import type { Batch, FlowReceipt } from "../client/contract.ts";
import { countBetween } from "./count-option.ts";
import { withEachJob } from "./each-job.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { FlowWaitOptions } from "./flow-commands.ts";
import { addFlowWait, addJobsOptions, endCode, printState } from "./flow-commands.ts";
import { readJob, readJobLines } from "./flow-files.ts";
import { batchText } from "./flow-text.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { type PrintedJobsOptions, printJobs } from "./printed-jobs.ts";
import { durationOption } from "./time-option.ts";

const MAX_FAILURES = 1_000_000;

export function addBatchCommands(program: Command, act: Act): void {
  const batch = program
    .command("batch")
    .summary("runs many jobs together, with callbacks when they have ended")
    .description("A batch is many jobs with common counts, and callbacks when they have ended.");
  addCreate(batch, act);
  batch
    .command("add")
    .summary("adds jobs to an open batch")
    .description(
      "Adds the jobs in a file, one a line, - for the standard input, to a batch that was created with --open.",
    )
    .argument("<id>")
    .argument("<file>")
    .option("--idempotency-key <key>", "repeating the command with the same key adds the jobs once")
    .action(act(add));
  batch
    .command("close")
    .summary("closes open batches: they get no more jobs")
    .description("Closes open batches: they get no more jobs, and end when their jobs have ended.")
    .argument("<id...>")
    .action(act(close));
  addFlowWait(batch.command("get").summary("shows a batch").description("Shows a batch.").argument("<id>")).action(
    act(get),
  );
  addJobsOptions(batch.command("jobs").summary("lists the jobs of a batch").argument("<id>")).action(act(jobs));
  batch
    .command("cancel")
    .summary("cancels every job of batches")
    .description("Cancels every job of batches that has not ended. Their callbacks run.")
    .argument("<id...>")
    .action(act(cancel));
  addFlowWait(
    batch
      .command("retry")
      .summary("runs the failed jobs of a batch again")
      .description("Runs the failed and cancelled jobs of a batch that has ended again, as new jobs.")
      .argument("<id>"),
  ).action(act(retry));
}

function addCreate(batch: Command, act: Act): void {
  addFlowWait(
    batch
      .command("create")
      .summary("submits a batch from a file and prints its id")
      .description(
        "Submits the jobs in a file, one a line, - for the standard input, as a batch and prints its id; with --wait, the ended batch.\n" +
          "Any number of jobs: more than 10,000 are added in several requests. Callbacks are jobs as JSON, or @FILE.",
      )
      .argument("<file>")
      .option("--name <name>", "a name, for people and for lists")
      .option("--open", "jobs may be added until it is closed")
      .option("--close-after <duration>", "an open batch closes itself after this time (default 24h)", durationOption)
      .option(
        "--max-failures <n>",
        "the batch fails when more than n jobs fail (default 0)",
        countBetween(0, MAX_FAILURES),
      )
      .option("--on-success <json>", "the job that runs once when the batch has completed")
      .option("--on-complete <json>", "the job that runs once when all jobs have ended")
      .option("--on-first-failure <json>", "the job that runs once when the first job has failed")
      .option("--idempotency-key <key>", "repeating the command with the same key submits the batch once"),
  ).action(act(create));
}

interface CreateOptions extends FlowWaitOptions {
  readonly name?: string;
  readonly open?: true;
  readonly closeAfter?: number;
  readonly maxFailures?: number;
  readonly onSuccess?: string;
  readonly onComplete?: string;
  readonly onFirstFailure?: string;
  readonly idempotencyKey?: string;
}

async function create(invocation: Invocation, file: string, options: CreateOptions): Promise<number> {
  const { client, terminal, signal } = invocation;
  const { name, open, closeAfter, maxFailures, onSuccess, onComplete, onFirstFailure, idempotencyKey } = options;
  const definition = {
    ...{ name, open, closeAfterMs: closeAfter, maxFailures },
    onSuccess: onSuccess === undefined ? undefined : await readJob("--on-success", onSuccess),
    onComplete: onComplete === undefined ? undefined : await readJob("--on-complete", onComplete),
    onFirstFailure: onFirstFailure === undefined ? undefined : await readJob("--on-first-failure", onFirstFailure),
  };
  const lines = readJobLines(file, terminal.input);
  const batch = await client.batches.submit(lines, definition, { idempotencyKey, signal });
  return printSubmitted(invocation, batch, options);
}

async function add(
  { client, terminal, isJson, signal }: Invocation,
  id: string,
  file: string,
  { idempotencyKey }: { readonly idempotencyKey?: string },
): Promise<number> {
  const added = await client.batches.add(id, readJobLines(file, terminal.input), { idempotencyKey, signal });
  if (isJson) for (const job of added) printJson(terminal, job);
  else terminal.out.write(`${added.length} ${added.length === 1 ? "job" : "jobs"} added\n`);
  return IN_ORDER;
}

function close(invocation: Invocation, ids: readonly string[]): Promise<number> {
  const { client, signal } = invocation;
  return withEachJob(invocation, ids, async (id) => {
    printState(invocation, await client.batches.close(id, { signal }), "is closed");
    return IN_ORDER;
  });
}

async function get(invocation: Invocation, id: string, { wait, timeout }: FlowWaitOptions): Promise<number> {
  const { client, terminal, isJson, signal } = invocation;
  const { batches } = client;
  const batch = wait ? await batches.waitFor(id, { timeoutMs: timeout, signal }) : await batches.get(id, { signal });
  if (isJson) printJson(terminal, batch);
  else terminal.out.write(batchText(batch, terminal));
  return wait ? endCode(batch) : IN_ORDER;
}

function jobs(invocation: Invocation, id: string, options: PrintedJobsOptions): Promise<number> {
  return printJobs(invocation, (page) => invocation.client.batches.jobs(id, page), options);
}

function cancel(invocation: Invocation, ids: readonly string[]): Promise<number> {
  const { client, signal } = invocation;
  return withEachJob(invocation, ids, async (id) => {
    printState(invocation, await client.batches.cancel(id, { signal }), "is being cancelled");
    return IN_ORDER;
  });
}

async function retry(invocation: Invocation, id: string, options: FlowWaitOptions): Promise<number> {
  const { client, signal } = invocation;
  return printSubmitted(invocation, await client.batches.retry(id, { signal }), options);
}

async function printSubmitted(
  invocation: Invocation,
  batch: Batch | FlowReceipt,
  options: FlowWaitOptions,
): Promise<number> {
  const { terminal, isJson } = invocation;
  if (options.wait) return get(invocation, batch.id, options);
  if (isJson) printJson(terminal, batch);
  else terminal.out.write(`${batch.id}\n`);
  return IN_ORDER;
}
