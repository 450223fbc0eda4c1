/** `taskflow submit TYPE --payload …` */
import type { Command } from "commander";
import type { JobOptions } from "../client/contract.ts";
import { countBetween } from "./count-option.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { readPayload } from "./payload.ts";
import { durationOption } from "./time-option.ts";
import type { WaitOptions } from "./waiting.ts";
import { addWaitOptions, printWhenEnded } from "./waiting.ts";

interface SubmitOptions extends WaitOptions {
  readonly payload: string;
  readonly priority?: number;
  readonly delay?: number;
  readonly runAt?: string;
  readonly tag?: readonly string[];
  readonly group?: string;
  readonly maxAttempts?: number;
  readonly idempotencyKey?: string;
}

export function addSubmitCommand(program: Command, act: Act): void {
  const command = program
    .command("submit")
    .summary("submits a job and prints its id")
    .description("Submits a job and prints its id; with --wait, the finished job.")
    .argument("<type>", "the job type, such as email, or a custom type of the deployment")
    .requiredOption("--payload <json>", "JSON itself, @FILE, or - for the standard input")
    .option("--priority <n>", "0 to 9, higher first (default 5)", countBetween(0, 9))
    .option("--delay <duration>", "start after this time at the earliest, such as 90s or 2h", durationOption)
    .option("--run-at <time>", "start no earlier than this RFC 3339 time")
    .option("--tag <tag>", "a tag; repeat the option for up to 10 tags", (tag, tags: readonly string[] | undefined) => [
      ...(tags ?? []),
      tag,
    ])
    .option("--group <key>", "the job's group; the groups of a type take turns")
    .option("--max-attempts <n>", "1 to 25 (default by type)", countBetween(1, 25))
    .option("--idempotency-key <key>", "repeating the command with the same key submits the job once");
  addWaitOptions(command).action(act(submit));
}

async function submit(invocation: Invocation, type: string, options: SubmitOptions): Promise<number> {
  const { client, terminal, isJson, signal } = invocation;
  const { wait = false, idempotencyKey } = options;
  const payload = await readPayload(options.payload, terminal.input);
  const job = await client.submit<string>(type, payload, { ...jobOptionsOf(options), idempotencyKey, signal });
  if (wait) return printWhenEnded(invocation, job.id, options);
  if (isJson) printJson(terminal, job);
  else terminal.out.write(`${job.id}\n`);
  return IN_ORDER;
}

function jobOptionsOf({ priority, delay, runAt, tag, group, maxAttempts }: SubmitOptions): JobOptions {
  return {
    ...(priority !== undefined && { priority }),
    ...(delay !== undefined && { delayMs: delay }),
    ...(runAt !== undefined && { runAt }),
    ...(tag !== undefined && { tags: [...tag] }),
    ...(group !== undefined && { groupKey: group }),
    ...(maxAttempts !== undefined && { maxAttempts }),
  };
}
