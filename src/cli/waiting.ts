/** Waits until a job ends, for `--wait`. */
import type { Command } from "commander";
import type { Job } from "../client/contract.ts";
import type { Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { exitCodeOf, jobText } from "./job-text.ts";
import { durationOption } from "./time-option.ts";

export interface WaitOptions {
  readonly wait?: true;
  /** Milliseconds. */
  readonly timeout?: number;
}

export function addWaitOptions(command: Command): Command {
  return command
    .option("--wait", "wait until the job has ended; exit with 1 unless it completed")
    .option("--timeout <duration>", "with --wait, wait no longer than this, such as 30s or 10m", durationOption);
}

/** Waits until a job ends and prints it. @returns the exit code for its status */
export async function printWhenEnded(invocation: Invocation, id: string, { timeout }: WaitOptions): Promise<number> {
  const { client, signal } = invocation;
  const job = await client.waitFor(id, { signal, timeoutMs: timeout });
  printJob(invocation, job);
  return exitCodeOf(job);
}

export function printJob({ terminal, isJson }: Pick<Invocation, "terminal" | "isJson">, job: Job): void {
  if (isJson) printJson(terminal, job);
  else terminal.out.write(jobText(job, terminal));
}
