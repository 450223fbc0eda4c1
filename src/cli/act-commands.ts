/** `taskflow cancel`, `run` and `erase`: act on jobs by their ids, or on all that match filters. */
import type { Command } from "commander";
import type { Job, JobReceipt, ListFilters } from "../client/contract.ts";
import type { BulkOptions, Matched, TaskFlow } from "../client/taskflow.ts";
import { isFinished } from "../core/job.ts";
import { StartError } from "../errors.ts";
import type { BulkRunOptions } from "./bulk-run.ts";
import { addBulkOptions, addFollowOptions, bulkOptionsOf, followBulk, startBulk } from "./bulk-run.ts";
import { withEachJob } from "./each-job.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { FilterOptions } from "./filter-options.ts";
import { addFilterOptions, filtersOf } from "./filter-options.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";

interface ActOptions extends FilterOptions, BulkRunOptions {
  readonly all?: true;
  readonly wait: boolean;
}

interface Action {
  readonly name: "cancel" | "run" | "erase";
  readonly summary: string;
  readonly description: string;
  readonly question: (jobs: string) => string;
  /** For the summary of many jobs: `12 jobs cancelled`. */
  readonly done: string;
  readonly one: (client: TaskFlow, id: string) => Promise<Job | JobReceipt>;
  /** What happened to one job, after its id. */
  readonly outcome: (job: Job | JobReceipt) => string;
  readonly count: (client: TaskFlow, filters: ListFilters, options: BulkOptions) => Promise<Matched>;
  readonly start: (client: TaskFlow, filters: ListFilters, options: Omit<BulkOptions, "dryRun">) => Promise<Job>;
}

const BULK_HELP =
  "With --all it first counts the jobs that match the filters and asks for confirmation; then it starts a job that acts\n" +
  "on them, and shows its progress. That job continues if you interrupt the command, and after restarts.";

const ACTIONS: readonly Action[] = [
  {
    name: "cancel",
    summary: "cancels jobs",
    description: `Cancels jobs: waiting ones at once, running ones are asked to stop. A key with the scope submit and\nwithout read can cancel the jobs that it submitted, by their ids.\n${BULK_HELP}`,
    question: (jobs) => `Cancel ${jobs}?`,
    done: "cancelled",
    one: (client, id) => client.cancel(id),
    outcome: ({ status }) => (isFinished(status) ? `is ${status}` : "is running, and is asked to stop"),
    count: (client, filters, options) => client.cancelAll(filters, { ...options, dryRun: true }),
    start: (client, filters, options) => client.cancelAll(filters, options),
  },
  {
    name: "run",
    summary: "runs scheduled and retrying jobs now",
    description: `Makes scheduled and retrying jobs due now.\n${BULK_HELP}`,
    question: (jobs) => `Run ${jobs} now?`,
    done: "due now",
    one: (client, id) => client.run(id),
    outcome: ({ status }) => `is ${status}`,
    count: (client, filters, options) => client.runAll(filters, { ...options, dryRun: true }),
    start: (client, filters, options) => client.runAll(filters, options),
  },
  {
    name: "erase",
    summary: "erases the data of finished jobs",
    description: `Removes payload, result, error message, logs and files of finished jobs for good; status, times and tags stay.\n${BULK_HELP}`,
    question: (jobs) => `Erase the data of ${jobs}? This cannot be undone.`,
    done: "erased",
    one: (client, id) => client.erase(id),
    outcome: () => "is erased",
    count: (client, filters, options) => client.eraseAll(filters, { ...options, dryRun: true }),
    start: (client, filters, options) => client.eraseAll(filters, options),
  },
];

export function addActCommands(program: Command, act: Act): void {
  for (const action of ACTIONS) {
    const command = program
      .command(action.name)
      .summary(action.summary)
      .description(action.description)
      .argument("[id...]")
      .option("--all", "all jobs that match the filters");
    addFilterOptions(command);
    addBulkOptions(command, action.name);
    addFollowOptions(command).action(
      act((invocation, ids: readonly string[], options: ActOptions) => perform(invocation, action, ids, options)),
    );
  }
}

async function perform(
  invocation: Invocation,
  action: Action,
  ids: readonly string[],
  options: ActOptions,
): Promise<number> {
  const { client } = invocation;
  const { all = false } = options;
  const filters = filtersOf(options);
  if (all === ids.length > 0) throw new StartError(`${action.name}: expected either ids of jobs or --all.`);
  if (!all) {
    expectNoBulkOptions(action.name, filters, options);
    return performEach(invocation, action, ids);
  }
  const started = await startBulk(
    invocation,
    {
      command: action.name,
      filters,
      question: action.question,
      count: () => action.count(client, filters, { signal: invocation.signal }),
      start: () => action.start(client, filters, bulkOptionsOf(options, invocation)),
    },
    options,
  );
  return typeof started === "number" ? started : followBulk(invocation, started, action.done, options);
}

/** @throws StartError for options that have no effect on jobs given by their ids */
export function expectNoBulkOptions(
  command: string,
  filters: ListFilters,
  options: BulkRunOptions & { readonly wait: boolean },
): void {
  const { rate, dryRun, timeout, wait } = options;
  if (Object.keys(filters).length > 0 || (rate ?? dryRun ?? timeout) !== undefined || !wait)
    throw new StartError(
      `${command}: filters, --rate, --dry-run, --no-wait and --timeout need --all, and cannot be combined with ids.`,
    );
}

async function performEach(invocation: Invocation, action: Action, ids: readonly string[]): Promise<number> {
  const { client, terminal, isJson } = invocation;
  return withEachJob(invocation, ids, async (id) => {
    const job = await action.one(client, id);
    if (isJson) printJson(terminal, job);
    else terminal.out.write(`${id} ${action.outcome(job)}\n`);
    return IN_ORDER;
  });
}
