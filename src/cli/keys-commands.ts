/** `taskflow keys create`, `list` and `revoke`, as they are asked for. */
import type { Command } from "commander";
import type { Act, Invocation } from "./invocation.ts";
import type { KeysOptions } from "./keys.ts";
import { whereServersAnswer } from "./servers.ts";

interface CreateOptions {
  readonly scopes: string;
  readonly rate?: string;
  readonly quota?: string;
  readonly env?: boolean;
}

export function addKeysCommands(program: Command, act: Act): void {
  const keys = program
    .command("keys")
    .summary("makes, lists and revokes API keys")
    .description("Makes, lists and revokes the API keys that the Postgres of DATABASE_URL keeps.");
  keys
    .command("create")
    .summary("makes a key")
    .description("Makes a key and shows it, this once: only its hash is kept. It holds within seconds.")
    .argument("<name>", "what logs and limits call it")
    .option("--scopes <scopes>", "what it may do: submit, read, admin, with commas between", "submit,read")
    .option("--rate <rate>", "its own limit of requests, such as 100/s")
    .option("--quota <quota>", "its own limit of jobs, such as 100000/d")
    .option("--env", "keep nothing, and print the entry for TASKFLOW_API_KEYS")
    .action(
      act((invocation, name: string, { scopes, rate, quota, env = false }: CreateOptions) =>
        run(invocation, { action: "create", name, scopes, rate, quota, isForEnv: env }),
      ),
    );
  keys
    .command("list")
    .summary("lists all keys")
    .description("Lists all keys that are kept, revoked ones too.")
    .action(act((invocation) => run(invocation, { action: "list" })));
  keys
    .command("revoke")
    .summary("revokes a key")
    .description("Revokes a key. It holds for some seconds more.")
    .argument("<name>", "its name or id")
    .action(act((invocation, name: string) => run(invocation, { action: "revoke", name })));
}

async function run(invocation: Invocation, asked: Pick<KeysOptions, "action"> & Partial<KeysOptions>): Promise<number> {
  const { env, isJson, terminal } = invocation;
  const [{ loadConfig }, { loadDefinitions, settingsOf }, { keysCommand }] = await Promise.all([
    import("../config/config.ts"),
    import("../jobs/registry.ts"),
    import("./keys.ts"),
  ]);
  const config = loadConfig(env, settingsOf(await loadDefinitions({ jobsDir: env.TASKFLOW_JOBS })));
  return whereServersAnswer(invocation, () =>
    keysCommand({ config, name: "", scopes: "", isForEnv: false, isJson, out: terminal.out, ...asked }),
  );
}
