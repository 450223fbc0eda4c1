/** The options of `taskflow keys create`, `list` and `revoke`. */
import type { Command } from "commander";
import type { Act, Invocation } from "./invocation.ts";
import type { KeysOptions } from "./keys.ts";
import { reportingUnreachable } from "./servers.ts";

interface CreateOptions {
  readonly scopes: string;
  readonly rate?: string;
  readonly quota?: string;
  readonly env?: boolean;
}

export function addKeysCommands(program: Command, act: Act): void {
  const keys = program
    .command("keys")
    .summary("creates, lists and revokes API keys")
    .description("Creates, lists and revokes the API keys that are stored in the Postgres of DATABASE_URL.");
  keys
    .command("create")
    .summary("creates a key")
    .description("Creates a key and shows it once: only its hash is stored. Replicas accept it within seconds.")
    .argument("<name>", "the name of the key in logs and limits")
    .option("--scopes <scopes>", "its scopes: submit, read, admin, separated by commas", "submit,read")
    .option("--rate <rate>", "its own request limit, such as 100/s")
    .option("--quota <quota>", "its own job quota, such as 100000/d")
    .option("--env", "store nothing, and print the entry for TASKFLOW_API_KEYS")
    .action(
      act((invocation, name: string, { scopes, rate, quota, env = false }: CreateOptions) =>
        run(invocation, { action: "create", name, scopes, rate, quota, isForEnv: env }),
      ),
    );
  keys
    .command("list")
    .summary("lists all keys")
    .description("Lists all stored keys, including revoked ones.")
    .action(act((invocation) => run(invocation, { action: "list" })));
  keys
    .command("revoke")
    .summary("revokes a key")
    .description("Revokes a key. Replicas may accept it for some seconds more.")
    .argument("<name>", "its name or id")
    .action(act((invocation, name: string) => run(invocation, { action: "revoke", name })));
}

async function run(
  invocation: Invocation,
  options: Pick<KeysOptions, "action"> & Partial<KeysOptions>,
): Promise<number> {
  const { env, isJson, terminal } = invocation;
  const [{ loadConfig }, { loadDefinitions, settingsOf }, { keysCommand }] = await Promise.all([
    import("../config/config.ts"),
    import("../jobs/registry.ts"),
    import("./keys.ts"),
  ]);
  const config = loadConfig(env, settingsOf(await loadDefinitions({ jobsDir: env.TASKFLOW_JOBS })));
  return reportingUnreachable(invocation, () =>
    keysCommand({ config, name: "", scopes: "", isForEnv: false, isJson, out: terminal.out, ...options }),
  );
}
