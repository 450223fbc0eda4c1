/** `taskflow schedules …` */
import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import type { Schedule } from "../client/contract.ts";
import { parseTime } from "../core/rfc3339.ts";
import { StartError } from "../errors.ts";
import { addBackfillCommand } from "./backfill-command.ts";
import { countBetween } from "./count-option.ts";
import { withEachJob } from "./each-job.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { readDefinitions, timingOf } from "./schedule-files.ts";
import { RUN_COLUMNS, SCHEDULE_COLUMNS, scheduleText, TICK_COLUMNS } from "./schedule-text.ts";
import { tablePrinter } from "./table.ts";
import { timeText } from "./time-option.ts";
import type { WaitOptions } from "./waiting.ts";
import { addWaitOptions, printWhenEnded } from "./waiting.ts";

/** The number of rows that are aligned together. */
const ROWS_AT_ONCE = 100;
const DEFAULT_RUNS = 50;
const MAX_PAGE = 1_000;

export function addScheduleCommands(program: Command, act: Act): void {
  const schedules = program
    .command("schedules")
    .summary("lists, creates and changes schedules")
    .description(
      "Schedules submit a job at each of their ticks: by a cron expression, an interval or a list of times.",
    );
  addReads(schedules, act);
  addChanges(schedules, act);
  addBackfillCommand(schedules, act);
}

function addReads(schedules: Command, act: Act): void {
  schedules
    .command("list")
    .summary("lists the schedules by name")
    .description("Lists the schedules by name. With --json, one schedule per line.")
    .option("--type <type>", "that submit jobs of this type")
    .addOption(new Option("--state <state>", "in this state").choices(["active", "paused", "ended"]))
    .option("--tag <tag>", "whose job has this tag")
    .option("--late", "that are not paused, and whose next tick is more than a minute overdue")
    .action(act(list));
  schedules
    .command("get")
    .summary("shows a schedule")
    .description("Shows a schedule, its next ticks and the outcome of the last one.")
    .argument("<name>")
    .action(act(show));
  schedules
    .command("runs")
    .summary("shows the outcomes of the ticks of a schedule")
    .description(
      `Shows the ticks of a schedule, newest first; ${DEFAULT_RUNS} of them by default. With --json, one per line.`,
    )
    .argument("<name>")
    .option("--limit <n>", "at most n ticks", countBetween(1, 999_999_999), DEFAULT_RUNS)
    .action(act(runs));
  addFileOption(
    schedules
      .command("preview")
      .summary("shows the next ticks of a schedule or of a file")
      .description(
        "Shows the next 20 ticks of a schedule; or, with --file, of a definition, without creating a schedule.",
      )
      .argument("[name]"),
  ).action(act(preview));
}

function addChanges(schedules: Command, act: Act): void {
  addFileOption(
    schedules
      .command("apply")
      .summary("creates or replaces schedules from files")
      .description(
        "Creates the schedule of each file NAME.json, or replaces its definition; the same definition again changes nothing.\n" +
          "The name is that of the file, unless it is given.",
      )
      .argument("[name]"),
  ).action(act(apply));
  schedules
    .command("delete")
    .summary("deletes schedules")
    .description("Deletes schedules. Jobs that they have submitted stay, unless --cancel-jobs is given.")
    .argument("<name...>")
    .option("--cancel-jobs", "also cancel their waiting jobs")
    .action(act(remove));
  schedules
    .command("pause")
    .summary("pauses schedules")
    .description("Pauses schedules: they have no ticks until they are resumed. Jobs that they have submitted run.")
    .argument("<name...>")
    .option("--reason <text>", "why, for people")
    .option("--until <time>", "resume by themselves at this RFC 3339 time", timeOption)
    .action(act(pause));
  schedules
    .command("resume")
    .summary("resumes schedules")
    .description("Ends the pause of schedules.")
    .argument("<name...>")
    .addOption(
      new Option("--catch-up <policy>", "make up ticks of the pause (default none)").choices(["none", "last", "all"]),
    )
    .action(act(resume));
  schedules
    .command("revert")
    .summary("undoes changes to schedules that have files")
    .description("Gives schedules the definitions of their files in SCHEDULES_DIR again.")
    .argument("<name...>")
    .action(act(revert));
  addWaitOptions(
    schedules
      .command("run")
      .summary("submits the job of a schedule now")
      .description(
        "Submits the job of a schedule now and prints its id; with --wait, the finished job. Its ticks do not move.",
      )
      .argument("<name>")
      .option("--idempotency-key <key>", "repeating the command with the same key submits the job once"),
  ).action(act(run));
}

function addFileOption(command: Command): Command {
  return command.option(
    "-f, --file <file>",
    "a file NAME.json, or - for the standard input; repeat the option for several",
    (file, files: readonly string[] | undefined) => [...(files ?? []), file],
  );
}

function timeOption(text: string): string {
  const time = parseTime(text);
  if (time === undefined) throw new InvalidArgumentError("Expected a time, such as 2026-01-31T08:00:00Z.");
  return new Date(time).toISOString();
}

interface ListOptions {
  readonly type?: string;
  readonly state?: Schedule["state"];
  readonly tag?: string;
  readonly late?: true;
}

async function list({ client, terminal, isJson, signal }: Invocation, options: ListOptions): Promise<number> {
  const print = tablePrinter(terminal, SCHEDULE_COLUMNS);
  let rows: Schedule[] = [];
  let count = 0;
  for await (const schedule of client.schedules({ ...options, pageSize: ROWS_AT_ONCE, signal })) {
    count += 1;
    if (isJson) printJson(terminal, schedule);
    else rows.push(schedule);
    if (rows.length === ROWS_AT_ONCE) {
      print(rows);
      rows = [];
    }
  }
  if (rows.length > 0) print(rows);
  if (count === 0 && !isJson) terminal.err.write("No schedules.\n");
  return IN_ORDER;
}

async function show({ client, terminal, isJson, signal }: Invocation, name: string): Promise<number> {
  const schedule = await client.schedule(name, { signal });
  if (isJson) printJson(terminal, schedule);
  else terminal.out.write(scheduleText(schedule, terminal));
  return IN_ORDER;
}

async function runs(
  { client, terminal, isJson, signal }: Invocation,
  name: string,
  { limit }: { readonly limit: number },
): Promise<number> {
  const found = [];
  for await (const run of client.scheduleRuns(name, { pageSize: Math.min(limit, MAX_PAGE), signal })) {
    if (isJson) printJson(terminal, run);
    found.push(run);
    if (found.length >= limit) break;
  }
  if (isJson) return IN_ORDER;
  if (found.length === 0) terminal.err.write("No ticks yet.\n");
  else tablePrinter(terminal, RUN_COLUMNS)(found);
  return IN_ORDER;
}

interface FileOptions {
  readonly file?: readonly string[];
}

async function preview(
  { client, terminal, isJson, signal }: Invocation,
  name: string | undefined,
  { file = [] }: FileOptions,
): Promise<number> {
  if (file.length > 1 || (file.length === 0 && name === undefined))
    throw new StartError("schedules preview: expected the name of a schedule, or one --file.");
  const [given] = await readDefinitions(file, name, terminal.input);
  const definition = given?.definition ?? timingOf(await client.schedule(name ?? "", { signal }));
  const ticks = await client.previewSchedule(definition, { name: given?.name ?? name, signal });
  if (isJson) printJson(terminal, { ticks });
  else if (ticks.length === 0) terminal.err.write("No ticks are left.\n");
  else tablePrinter(terminal, TICK_COLUMNS)(ticks);
  return IN_ORDER;
}

async function apply(
  { client, terminal, isJson, signal }: Invocation,
  name: string | undefined,
  { file = [] }: FileOptions,
): Promise<number> {
  if (file.length === 0) throw new StartError("schedules apply: expected --file.");
  for (const given of await readDefinitions(file, name, terminal.input)) {
    const schedule = await client.putSchedule(given.name, given.definition, { signal });
    if (isJson) printJson(terminal, schedule);
    else terminal.out.write(`${stateText(schedule)}, version ${schedule.version}\n`);
  }
  return IN_ORDER;
}

/** `nightly is active, next 2026-…` */
function stateText({ name, state, next_run_at: next }: Schedule): string {
  return `${name} is ${state}${next === null ? "" : `, next ${timeText(next)}`}`;
}

/** Makes a change to each schedule, and prints what it is then. */
function changeEach(
  invocation: Invocation,
  names: readonly string[],
  change: (name: string) => Promise<Schedule>,
): Promise<number> {
  const { terminal, isJson } = invocation;
  return withEachJob(invocation, names, async (name) => {
    const schedule = await change(name);
    if (isJson) printJson(terminal, schedule);
    else terminal.out.write(`${stateText(schedule)}\n`);
    return IN_ORDER;
  });
}

function pause(
  invocation: Invocation,
  names: readonly string[],
  options: { readonly reason?: string; readonly until?: string },
): Promise<number> {
  return changeEach(invocation, names, (name) => invocation.client.pauseSchedule(name, options));
}

function resume(
  invocation: Invocation,
  names: readonly string[],
  options: { readonly catchUp?: "none" | "last" | "all" },
): Promise<number> {
  return changeEach(invocation, names, (name) => invocation.client.resumeSchedule(name, options));
}

function revert(invocation: Invocation, names: readonly string[]): Promise<number> {
  return changeEach(invocation, names, (name) => invocation.client.revertSchedule(name));
}

function remove(
  invocation: Invocation,
  names: readonly string[],
  { cancelJobs = false }: { readonly cancelJobs?: boolean },
): Promise<number> {
  const { client, terminal, isJson, signal } = invocation;
  return withEachJob(invocation, names, async (name) => {
    const deleted = await client.deleteSchedule(name, { cancelJobs, signal });
    const { cancelled_jobs: count } = deleted;
    const cancelled = cancelJobs ? `, ${count} waiting ${count === 1 ? "job" : "jobs"} cancelled` : "";
    if (isJson) printJson(terminal, deleted);
    else terminal.out.write(`${name} is deleted${cancelled}\n`);
    return IN_ORDER;
  });
}

interface RunOptions extends WaitOptions {
  readonly idempotencyKey?: string;
}

async function run(invocation: Invocation, name: string, options: RunOptions): Promise<number> {
  const { client, terminal, isJson, signal } = invocation;
  const { wait = false, idempotencyKey } = options;
  const job = await client.runSchedule(name, { idempotencyKey, signal });
  if (wait) return printWhenEnded(invocation, job.id, options);
  if (isJson) printJson(terminal, job);
  else terminal.out.write(`${job.id}\n`);
  return IN_ORDER;
}
