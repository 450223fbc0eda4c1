/**
 * Declares all commands of `taskflow` and their options, for the parser, the help and the completion. The code of a
 * command is loaded when it runs.
 */
import { Argument, Command } from "commander";
import { addActCommands } from "./act-commands.ts";
import { addBatchCommands } from "./batch-commands.ts";
import type { Shell } from "./completion.ts";
import { completionScript, SHELLS } from "./completion.ts";
import type { ConnectionOptions } from "./connection.ts";
import { EXIT_CODES, IN_ORDER } from "./exit-code.ts";
import { addFlowCommands } from "./flow-commands.ts";
import { addHistoryCommands } from "./history-commands.ts";
import type { Act } from "./invocation.ts";
import { addJobCommands } from "./job-commands.ts";
import { addKeysCommands } from "./keys-commands.ts";
import { addListCommand } from "./list-command.ts";
import { runLoadtest } from "./loadtest.ts";
import { addQueueCommands } from "./queue-commands.ts";
import { addRetryCommand } from "./retry-command.ts";
import { addScheduleCommands } from "./schedule-commands.ts";
import { addStatsCommands } from "./stats-command.ts";
import { addSubmitCommand } from "./submit-command.ts";
import { addSystemCommands } from "./system-commands.ts";
import { addTailCommand } from "./tail-command.ts";
import type { Terminal } from "./terminal.ts";
import { addTypeCommands } from "./type-commands.ts";
import { addUpdateCommand } from "./update-command.ts";

/** The width of the help if the output is not a terminal. */
const HELP_WIDTH = 120;

export interface GlobalOptions extends ConnectionOptions {
  readonly json?: true;
}

export interface ProgramOptions {
  readonly version: string;
  readonly terminal: Terminal;
  readonly act: Act;
  readonly serve: (args: readonly string[]) => Promise<void>;
}

/**
 * Builds the parser. It throws CommanderError after it has printed a message or the help, and does not end the process.
 */
export function buildProgram({ version, terminal: { out, err }, act, serve }: ProgramOptions): Command {
  const program = new Command("taskflow");
  program
    .description("Runs TaskFlow, submits jobs and inspects them.")
    .version(version, "-v, --version", "print the version")
    .option("--url <url>", "the server (default TASKFLOW_URL, else http://127.0.0.1:8080)")
    .option(
      "--key <key>",
      "the API key; prefer TASKFLOW_API_KEY, since other users of this machine can read command lines",
    )
    .option("--json", "print JSON, and errors as JSON on standard error")
    .helpOption("-h, --help", "print this text")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      outputError: (text, write) =>
        write(`taskflow: ${text.replace(/^error: /, "")}Run taskflow --help for all commands.\n`),
      getOutHelpWidth: () => out.columns ?? HELP_WIDTH,
      getErrHelpWidth: () => out.columns ?? HELP_WIDTH,
    })
    .exitOverride()
    .addHelpText("afterAll", EXIT_CODES);
  addSubmitCommand(program, act);
  addListCommand(program, act);
  addJobCommands(program, act);
  addActCommands(program, act);
  addUpdateCommand(program, act);
  addRetryCommand(program, act);
  addTailCommand(program, act);
  addQueueCommands(program, act);
  addFlowCommands(program, act);
  addBatchCommands(program, act);
  addScheduleCommands(program, act);
  addStatsCommands(program, act);
  addHistoryCommands(program, act);
  addTypeCommands(program, act);
  addSystemCommands(program, act, serve);
  addKeysCommands(program, act);
  addOtherCommands(program, act);
  return program;
}

function addOtherCommands(program: Command, act: Act): void {
  program
    .command("loadtest")
    .summary("measures the throughput of a server (in a checkout of the sources)")
    .helpOption(false)
    .allowUnknownOption()
    .argument("[options...]")
    .action(
      act((_, options: readonly string[]) => {
        const { url, key, json = false } = program.opts<GlobalOptions>(); // parsed as options of the program
        return runLoadtest([
          ...options,
          ...(url === undefined ? [] : [`--url=${url}`]),
          ...(key === undefined ? [] : [`--key=${key}`]),
          ...(json ? ["--json"] : []),
        ]);
      }),
    );
  program
    .command("completion")
    .summary("prints the completion script of a shell")
    .description("Prints the completion script of a shell: source <(taskflow completion bash)")
    .addArgument(new Argument("<shell>").choices(SHELLS))
    .action(
      act(({ terminal }, shell: Shell) => {
        terminal.out.write(completionScript(shell, program));
        return Promise.resolve(IN_ORDER);
      }),
    );
}
