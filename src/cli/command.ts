/** Parses and runs one command line of `taskflow`. */
import type { TaskFlow } from "../client/taskflow.ts";
import type { Environment } from "../config/config.ts";
import type { Output } from "./exit-code.ts";
import { IN_ORDER } from "./exit-code.ts";
import { logFailure } from "./failure.ts";
import type { Act, Invocation } from "./invocation.ts";
import type { GlobalOptions } from "./program.ts";
import { buildProgram } from "./program.ts";
import type { TerminalInput, TerminalOutput } from "./terminal.ts";
import { openTerminal } from "./terminal.ts";

export interface CommandLine {
  /** Without the program's name. */
  readonly args: readonly string[];
  readonly env: Environment;
  readonly version: string;
  readonly out: TerminalOutput;
  readonly err: Output;
  readonly input: TerminalInput;
  /** Ends a command that runs until it is interrupted, like Ctrl-C. */
  readonly signal?: AbortSignal;
  /** Starts a replica with these arguments; it ends the process itself. */
  readonly serve: (args: readonly string[]) => Promise<void>;
}

/** Never throws. @returns the exit code, or undefined if the process keeps running */
export async function runCommand({
  args,
  env,
  version,
  out,
  err,
  input,
  signal = new AbortController().signal,
  serve,
}: CommandLine): Promise<number | undefined> {
  const terminal = openTerminal({ out, err, input, env });
  let code: number | undefined = IN_ORDER;
  let client: TaskFlow | undefined;
  const act: Act =
    (handler) =>
    async (...given) => {
      const { connect } = await import("./connection.ts"); // loaded here, so that --help is immediate
      const { json = false, ...connection } = program.opts<GlobalOptions>();
      const invocation: Invocation = {
        terminal,
        env,
        signal,
        isJson: json,
        get client() {
          return (client ??= connect(connection, env));
        },
      };
      code = await handler(invocation, ...given);
    };
  const program = buildProgram({ version, terminal, act, serve });
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    return logFailure(error, { terminal, isJson: program.opts<GlobalOptions>().json ?? false });
  }
}
