/** One call of `taskflow`: what each command is given beside its own arguments. */
import type { TaskFlow } from "../client/taskflow.ts";
import type { Environment } from "../config/config.ts";
import { exactJson } from "./exact-json.ts";
import type { Terminal } from "./terminal.ts";

export interface Invocation {
  readonly terminal: Terminal;
  readonly env: Environment;
  readonly isJson: boolean;
  /** Made when it is first asked for, of `--url` and `--key`. */
  readonly client: TaskFlow;
  /** Ends what would go on for ever. */
  readonly signal: AbortSignal;
}

/** Makes an action of a command: it ends with the code that the handler resolves to, or goes on where that is undefined. */
export type Act = <Args extends unknown[]>(
  handler: (invocation: Invocation, ...args: Args) => Promise<number | undefined>,
) => (...args: Args) => Promise<void>;

/** One line of JSON, as every `--json` prints them. */
export function printJson({ out }: Pick<Terminal, "out">, value: unknown): void {
  out.write(`${exactJson.stringify(value)}\n`);
}
