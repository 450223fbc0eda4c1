/** The commands that show one job. */
import type { Command } from "commander";
import type { Attempt } from "../client/contract.ts";
import { printable } from "../observability/terminal-text.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { statusColour } from "./job-text.ts";
import type { Column } from "./table.ts";
import { tablePrinter } from "./table.ts";
import { durationText, timeText } from "./time-option.ts";
import type { WaitOptions } from "./waiting.ts";
import { addWaitOptions, printJob, printWhenEnded } from "./waiting.ts";

export function addJobCommands(program: Command, act: Act): void {
  const get = program
    .command("get")
    .summary("shows a job")
    .description("Shows a job, whether it is waiting, running or finished.")
    .argument("<id>");
  addWaitOptions(get).action(act(getJob));
  program
    .command("attempts")
    .summary("shows each attempt at a job")
    .description("Shows each attempt at a job: where and how long it ran, how it ended, and what it logged.")
    .argument("<id>")
    .action(act(attempts));
  program
    .command("why")
    .summary("explains why a job is not running")
    .description("Explains why a job is not running.")
    .argument("<id>")
    .action(act(why));
}

async function getJob(invocation: Invocation, id: string, options: WaitOptions): Promise<number> {
  if (options.wait) return printWhenEnded(invocation, id, options);
  printJob(invocation, await invocation.client.get(id));
  return IN_ORDER;
}

const ATTEMPT_COLUMNS: readonly Column<Attempt>[] = [
  { title: "attempt", text: ({ number }) => String(number), align: "right" },
  {
    title: "outcome",
    text: ({ outcome }) => outcome,
    colour: ({ outcome }) => (outcome === "retry" || outcome === "lost" ? "yellow" : statusColour(outcome)),
  },
  { title: "started", text: ({ started_at }) => timeText(started_at) },
  { title: "waited", text: ({ waited_ms }) => durationText(waited_ms), align: "right" },
  { title: "ran", text: ({ ran_ms }) => (ran_ms === null ? "" : durationText(ran_ms)), align: "right" },
  { title: "replica", text: ({ replica, thread }) => `${replica ?? ""}${thread === null ? "" : ` thread ${thread}`}` },
  { title: "error", text: ({ error }) => (error ? `${error.code}: ${error.message}` : "") },
];

async function attempts({ client, terminal, isJson }: Invocation, id: string): Promise<number> {
  const tried = await client.attempts(id);
  if (isJson) printJson(terminal, { attempts: tried });
  else if (tried.length === 0) terminal.err.write("No attempt has been made yet.\n");
  else tablePrinter(terminal, ATTEMPT_COLUMNS)(tried);
  if (isJson) return IN_ORDER;
  for (const { number, log } of tried) {
    if (log.length > 0)
      terminal.out.write(
        `\n${terminal.paint(`log of attempt ${number}`, "bold")}\n${log.map((line) => `${printable(line)}\n`).join("")}`,
      );
  }
  return IN_ORDER;
}

async function why({ client, terminal, isJson }: Invocation, id: string): Promise<number> {
  const answer = await client.why(id);
  const { reason, detail, until } = answer;
  if (isJson) printJson(terminal, answer);
  else
    terminal.out.write(
      `${terminal.paint(reason, "bold")}: ${printable(detail)}${until === null ? "" : ` Until ${until}.`}\n`,
    );
  return IN_ORDER;
}
