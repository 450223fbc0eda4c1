/** The commands of `taskflow`: what a command line asks for, and the code that it ends with. */
import { parseArgs } from "node:util";
import { loadConfig } from "../config.ts";
import type { Environment } from "../config.ts";
import { StartError, codeOf, messageOf } from "../errors.ts";
import { loadRegistry, settingsOf } from "../registry.ts";
import { IN_ORDER, NOT_RUN } from "./exit-code.ts";
import type { Output } from "./exit-code.ts";
import { keysCommand } from "./keys.ts";
import { verifyCommand } from "./verify.ts";

export const HELP = `taskflow COMMAND [options]

  serve             runs a replica; \`taskflow serve --help\` lists the settings
  verify            reconciles Redis, Postgres and the counters of a system, which may be at work, and names each job that
                    is in no place or in two. It changes nothing. The system is the one that REDIS_ADDR, DATABASE_URL and
                    REDIS_NAMESPACE name; LEASE_MS and RETENTION_DAYS should be those of its replicas
    --json          the findings as JSON
  keys create NAME  makes an API key, which is shown this once; its hash is kept in the Postgres that DATABASE_URL names
    --scopes        what it may do: submit, read, admin, with commas between (submit,read)
    --rate, --quota its own limits, of requests (100/s) and of jobs (100000/d)
    --env           keeps nothing, and prints the entry for TASKFLOW_API_KEYS
  keys list         all keys that are kept there
  keys revoke NAME  by its name or id
    --json          as JSON

  -h, --help        this text
  -v, --version     the version

Exit code 0: done, and all is in order. 1: faults were found. 2: it could not run (what was asked, a setting, or a server
that does not answer).
`;

export interface CommandLine {
  /** Without the program's name. */
  readonly args: readonly string[];
  readonly env: Environment;
  readonly version: string;
  readonly out: Output;
  readonly err: Output;
  /** Starts a replica, which ends the process itself. */
  readonly serve: () => Promise<void>;
}

/** Runs one command; never throws. @returns the exit code, or undefined where the process goes on */
export async function runCommand(line: CommandLine): Promise<number | undefined> {
  try {
    return await run(line);
  } catch (error) {
    const isUsage = codeOf(error)?.startsWith("ERR_PARSE_ARGS") === true;
    line.err.write(`taskflow: ${messageOf(error)}\n${isUsage ? "taskflow --help says what there is.\n" : ""}`);
    return NOT_RUN;
  }
}

async function run({ args, env, version, out, serve }: CommandLine): Promise<number | undefined> {
  const [command = "", ...rest] = args;
  switch (command) {
    case "serve":
      await serve();
      return undefined;
    case "verify": {
      const { values } = parseArgs({ args: rest, strict: true, options: { json: { type: "boolean", default: false }, help: { type: "boolean", short: "h", default: false } } });
      if (values.help) break;
      const registry = await loadRegistry({ jobsDir: env.TASKFLOW_JOBS });
      return verifyCommand({ config: loadConfig(env, settingsOf(registry)), isJson: values.json, out });
    }
    case "keys": {
      const text = { type: "string" } as const;
      const { values, positionals } = parseArgs({
        ...{ args: rest, strict: true, allowPositionals: true },
        options: { scopes: text, rate: text, quota: text, env: { type: "boolean", default: false }, json: { type: "boolean", default: false }, help: { type: "boolean", short: "h", default: false } },
      });
      if (values.help) break;
      const [action = "", name = ""] = positionals;
      const config = loadConfig(env, settingsOf(await loadRegistry({ jobsDir: env.TASKFLOW_JOBS })));
      const { scopes = "submit+read", rate, quota } = values;
      return keysCommand({ ...{ config, action, name, scopes, rate, quota, out }, isForEnv: values.env, isJson: values.json });
    }
    case "-v":
    case "--version":
      out.write(`${version}\n`);
      return IN_ORDER;
    case "-h":
    case "--help":
      break;
    default:
      throw new StartError(command === "" ? `expected a command\n\n${HELP}` : `there is no command ${JSON.stringify(command)}; taskflow --help says what there is.`);
  }
  out.write(HELP);
  return IN_ORDER;
}
