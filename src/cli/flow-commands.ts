/** `taskflow flow …` */
import type { Command } from "commander";
import { Option } from "commander";
import type { Flow, FlowReceipt, FlowSummary } from "../client/contract.ts";
import { FLOW_KINDS, FLOW_STATUSES } from "../core/flows/flow.ts";
import { STATUSES } from "../core/job.ts";
import { countBetween } from "./count-option.ts";
import { withEachJob } from "./each-job.ts";
import { IN_ORDER, ISSUES_FOUND } from "./exit-code.ts";
import { readFlow } from "./flow-files.ts";
import { FLOW_COLUMNS, flowText } from "./flow-text.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { type PrintedJobsOptions, printJobs } from "./printed-jobs.ts";
import { tablePrinter } from "./table.ts";
import { durationOption } from "./time-option.ts";

const DEFAULT_LIMIT = 50;
const MAX_PAGE = 1_000;
/** The number of rows that are aligned together. */
const ROWS_AT_ONCE = 100;

export interface FlowWaitOptions {
  readonly wait?: true;
  /** Milliseconds. */
  readonly timeout?: number;
}

export function addFlowCommands(program: Command, act: Act): void {
  const flow = program
    .command("flow")
    .summary("runs flows: jobs that wait for each other")
    .description("Flows are jobs that wait for each other. Batches are flows, too.");
  addFlowWait(
    flow
      .command("run")
      .summary("submits a flow from a file and prints its id")
      .description(
        "Submits the flow in a file, - for the standard input, and prints its id; with --wait, the ended flow.",
      )
      .argument("<file>")
      .option("--idempotency-key <key>", "repeating the command with the same key submits the flow once"),
  ).action(act(run));
  addFlowWait(
    flow
      .command("get")
      .summary("shows a flow and its nodes")
      .description("Shows a flow or batch, and its nodes as a tree.")
      .argument("<id>"),
  ).action(act(get));
  flow
    .command("list")
    .summary("lists flows and batches, newest first")
    .description(
      `Lists flows and batches, newest first; ${DEFAULT_LIMIT} of them by default. With --json, one per line.`,
    )
    .addOption(new Option("--status <status>", "in this status").choices(FLOW_STATUSES))
    .addOption(new Option("--kind <kind>", "of this kind").choices(FLOW_KINDS))
    .option("--name <name>", "of this name")
    .option("--limit <n>", "list at most n", countBetween(1, 999_999_999), DEFAULT_LIMIT)
    .action(act(list));
  addJobsOptions(
    flow.command("jobs").summary("lists the jobs of a flow").argument("<id>").option("--node <name>", "of this node"),
  ).action(act(jobs));
  flow
    .command("cancel")
    .summary("cancels every job of flows")
    .description("Cancels every job of flows that has not ended, clean-up too.")
    .argument("<id...>")
    .action(act(cancel));
  addFlowWait(
    flow
      .command("retry")
      .summary("runs the failed part of a flow again")
      .description("Runs whatever failed, was cancelled or waited for those again, as new jobs.")
      .argument("<id>")
      .option(
        "--from <node>",
        "run this node and all after it again, completed ones too; repeat the option for several",
        (node, nodes: readonly string[] | undefined) => [...(nodes ?? []), node],
      ),
  ).action(act(retry));
}

/** The options of a command that may wait for the end of a flow or batch. */
export function addFlowWait(command: Command): Command {
  return command
    .option("--wait", "wait until it has ended; exit with 1 unless it completed")
    .option("--timeout <duration>", "with --wait, wait no longer than this, such as 30s or 10m", durationOption);
}

/** The options of a command that lists the jobs of a flow or batch. */
export function addJobsOptions(command: Command): Command {
  return command
    .description(
      `Lists the jobs as they were submitted; ${DEFAULT_LIMIT} of them by default. With --json, one per line.`,
    )
    .addOption(new Option("--status <status>", "in this status").choices(STATUSES))
    .option("--limit <n>", "list at most n", countBetween(1, 999_999_999), DEFAULT_LIMIT);
}

async function run(
  invocation: Invocation,
  file: string,
  { idempotencyKey, ...options }: FlowWaitOptions & { readonly idempotencyKey?: string },
): Promise<number> {
  const { client, terminal, signal } = invocation;
  const definition = await readFlow(file, terminal.input);
  return printSubmitted(invocation, await client.flows.submit(definition, { idempotencyKey, signal }), options);
}

async function get(invocation: Invocation, id: string, { wait, timeout }: FlowWaitOptions): Promise<number> {
  const { flows } = invocation.client;
  const { signal } = invocation;
  const flow = wait ? await flows.waitFor(id, { timeoutMs: timeout, signal }) : await flows.get(id, { signal });
  printFlow(invocation, flow);
  return wait ? endCode(flow) : IN_ORDER;
}

async function list(
  { client, terminal, isJson, signal }: Invocation,
  {
    limit,
    ...filters
  }: {
    readonly limit: number;
    readonly status?: Flow["status"];
    readonly kind?: Flow["kind"];
    readonly name?: string;
  },
): Promise<number> {
  const print = tablePrinter(terminal, FLOW_COLUMNS);
  let rows: FlowSummary[] = [];
  let count = 0;
  for await (const flow of client.flows.list({ ...filters, pageSize: Math.min(limit, MAX_PAGE), signal })) {
    count += 1;
    if (isJson) printJson(terminal, flow);
    else rows.push(flow);
    if (rows.length === ROWS_AT_ONCE) {
      print(rows);
      rows = [];
    }
    if (count >= limit) break;
  }
  if (rows.length > 0) print(rows);
  if (count === 0 && !isJson) terminal.err.write("No flows.\n");
  return IN_ORDER;
}

function jobs(
  invocation: Invocation,
  id: string,
  { node, ...options }: PrintedJobsOptions & { readonly node?: string },
): Promise<number> {
  return printJobs(invocation, (page) => invocation.client.flows.jobs(id, { ...page, node }), options);
}

function cancel(invocation: Invocation, ids: readonly string[]): Promise<number> {
  const { client, signal } = invocation;
  return withEachJob(invocation, ids, async (id) => {
    printState(invocation, await client.flows.cancel(id, { signal }), "is being cancelled");
    return IN_ORDER;
  });
}

async function retry(
  invocation: Invocation,
  id: string,
  { from, ...options }: FlowWaitOptions & { readonly from?: readonly string[] },
): Promise<number> {
  const { client, signal } = invocation;
  return printSubmitted(invocation, await client.flows.retry(id, { from, signal }), options);
}

async function printSubmitted(
  invocation: Invocation,
  flow: Flow | FlowReceipt,
  options: FlowWaitOptions,
): Promise<number> {
  const { terminal, isJson } = invocation;
  if (options.wait) return get(invocation, flow.id, options);
  if (isJson) printJson(terminal, flow);
  else terminal.out.write(`${flow.id}\n`);
  return IN_ORDER;
}

function printFlow({ terminal, isJson }: Invocation, flow: Flow): void {
  if (isJson) printJson(terminal, flow);
  else terminal.out.write(flowText(flow, terminal));
}

/** Prints the state of a flow or batch after a change, in one line. */
export function printState({ terminal, isJson }: Invocation, state: FlowReceipt, isRunning: string): void {
  if (isJson) printJson(terminal, state);
  else terminal.out.write(`${state.id} ${state.status === "running" ? isRunning : `is ${state.status}`}\n`);
}

/** The exit code after waiting for a flow or batch. */
export function endCode({ status }: FlowReceipt): number {
  return status === "completed" ? IN_ORDER : ISSUES_FOUND;
}
