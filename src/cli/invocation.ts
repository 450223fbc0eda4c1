/** The context that every command gets in addition to its arguments. */
import type { TaskFlow } from "../client/taskflow.ts";
import type { Environment } from "../config/config.ts";
import { exactJson } from "./exact-json.ts";
import type { Terminal } from "./terminal.ts";

export interface Invocation {
  readonly terminal: Terminal;
  readonly env: Environment;
  readonly isJson: boolean;
  /** Made on first use, from `--url` and `--key`. */
  readonly client: TaskFlow;
  /** Aborted to end a command that runs until it is interrupted. */
  readonly signal: AbortSignal;
}

/**
 * Makes the action of a command: the handler resolves to the exit code, or to undefined if the process keeps running.
 */
export type Act = <Args extends unknown[]>(
  handler: (invocation: Invocation, ...args: Args) => Promise<number | undefined>,
) => (...args: Args) => Promise<void>;

/** Prints one line of JSON, for `--json`. */
export function printJson({ out }: Pick<Terminal, "out">, value: unknown): void {
  out.write(`${exactJson.stringify(value)}\n`);
}
