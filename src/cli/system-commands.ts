/** The commands that need no server: they are one, or speak with Redis and Postgres themselves. */
import type { Command } from "commander";
import { StartError } from "../errors.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { whereServersAnswer } from "./servers.ts";

export function addSystemCommands(program: Command, act: Act, serve: (args: readonly string[]) => Promise<void>): void {
  program
    .command("serve")
    .summary("runs a replica")
    .description("Runs a replica until SIGTERM.")
    .helpOption(false)
    .option("-h, --help", "list the settings, which are variables of the environment") // main.ts has them
    .action(
      act((_, { help }: { readonly help?: true }) => serve(help === true ? ["--help"] : []).then(() => undefined)),
    );
  program
    .command("verify")
    .summary("reconciles Redis, Postgres and the counters")
    .description(
      "Reconciles Redis, Postgres and the counters of a system, which may be at work, and names each job that is in no place or in\n" +
        "two. It changes nothing. The system is the one that REDIS_ADDR, DATABASE_URL and REDIS_NAMESPACE name; LEASE_MS and\n" +
        "RETENTION_DAYS should be those of its replicas.",
    )
    .action(act(verify));
  program
    .command("migrate")
    .summary("brings the database to the present shape")
    .description(
      "Brings the database that DATABASE_URL names to the present shape. A replica does so at its start, too.",
    )
    .action(act(migrateDatabase));
}

async function verify(invocation: Invocation): Promise<number> {
  const { env, isJson, terminal } = invocation;
  const [{ loadConfig }, { loadDefinitions, settingsOf }, { verifyCommand }] = await Promise.all([
    import("../config/config.ts"),
    import("../jobs/registry.ts"),
    import("./verify-command.ts"),
  ]);
  const config = loadConfig(env, settingsOf(await loadDefinitions({ jobsDir: env.TASKFLOW_JOBS })));
  return whereServersAnswer(invocation, () => verifyCommand({ config, isJson, out: terminal.out }));
}

async function migrateDatabase(invocation: Invocation): Promise<number> {
  const { env, isJson, terminal } = invocation;
  const [{ loadConfig }, { migrate }] = await Promise.all([
    import("../config/config.ts"),
    import("../results/migrate.ts"),
  ]);
  const { DATABASE_URL: url } = loadConfig(env, []);
  if (url === "") throw new StartError("DATABASE_URL must be set: it says which database to migrate.");
  return whereServersAnswer(invocation, async () => {
    const applied = await migrate(url, { onWait: (wait) => terminal.err.write(`taskflow: waiting for ${wait}\n`) });
    if (isJson) printJson(terminal, { applied });
    else terminal.out.write(applied.length === 0 ? "Nothing to do.\n" : applied.map((name) => `${name}\n`).join(""));
    return IN_ORDER;
  });
}
