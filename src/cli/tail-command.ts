/** `taskflow tail`: prints the changes of jobs, and the lines that one job logs, as they happen. */

import type { Command } from "commander";
import { Option } from "commander";
import type { Status } from "../client/contract.ts";
import type { JobChange, LogLine } from "../client/job-events.ts";
import { isFinished, STATUSES } from "../core/job.ts";
import { StartError } from "../errors.ts";
import { printable } from "../observability/terminal-text.ts";
import { countBetween } from "./count-option.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { exitCodeOf, statusColour } from "./job-text.ts";

const STATUS_WIDTH = Math.max(...STATUSES.map((status) => status.length));

interface TailOptions {
  readonly type?: string;
  readonly status?: Status;
  readonly limit?: number;
}

export function addTailCommand(program: Command, act: Act): void {
  program
    .command("tail")
    .summary("shows the changes of jobs as they happen")
    .description(
      "Shows the changes of all jobs as they happen, until you interrupt it; or those of one job with the lines that it logs, until it has ended.\nWith --json, one change or line per line.",
    )
    .argument("[id]")
    .option("--type <type>", "of jobs of this type")
    .addOption(new Option("--status <status>", "to this status").choices(STATUSES))
    .option("--limit <n>", "end after n changes", countBetween(1, 999_999_999))
    .action(act(tail));
}

async function tail(
  invocation: Invocation,
  id: string | undefined,
  { type, status, limit = Infinity }: TailOptions,
): Promise<number> {
  const { client, terminal, isJson, signal } = invocation;
  if (id !== undefined && (type ?? status) !== undefined)
    throw new StartError("tail: --type and --status cannot be combined with a job id.");
  let [printed, code] = [0, IN_ORDER];
  try {
    for await (const event of client.events({ id, type, status, signal })) {
      if (event.kind === "gap") {
        terminal.err.write("Some changes may be missing here.\n");
        continue;
      }
      if (event.kind === "log") {
        if (isJson) printJson(terminal, event);
        else terminal.out.write(lineText(event, terminal));
        continue;
      }
      if (isJson)
        printJson(
          terminal,
          id !== undefined && isFinished(event.status) ? { ...event, job: await client.get(id, { signal }) } : event,
        ); // events have no payload
      else terminal.out.write(changeText(event, terminal));
      printed += 1;
      code = id === undefined ? IN_ORDER : exitCodeOf(event);
      if (printed >= limit) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return code;
}

/** `11:20:46.856  019a…  log        attempt 1: 40 of 200 rows`. */
function lineText({ at, id, attempt, line }: LogLine, { paint }: Invocation["terminal"]): string {
  const time = paint(at.slice(11, 23), "dim");
  return `${time}  ${id}  ${"log".padEnd(STATUS_WIDTH)}  attempt ${attempt}: ${printable(line)}\n`;
}

/** `11:20:46.856  019a…  completed  email`, with the time in UTC. */
function changeText({ at, id, status, type, progress, job }: JobChange, { paint }: Invocation["terminal"]): string {
  const time = (at ?? job?.finished_at ?? job?.started_at ?? job?.created_at ?? "").slice(11, 23);
  const detail = job?.error
    ? `  ${job.error.code}: ${printable(job.error.message)}`
    : progress === null
      ? ""
      : `  ${progress} %`;
  return `${paint(time.padEnd(12), "dim")}  ${id}  ${paint(status, statusColour(status))}${" ".repeat(STATUS_WIDTH - status.length)}  ${type}${detail}\n`;
}
