/**
 * The commands that do not call the API: `serve` starts a replica, the others connect to Redis and Postgres directly.
 */
import type { Command } from "commander";
import { StartError } from "../errors.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { reportingUnreachable } from "./servers.ts";

export function addSystemCommands(program: Command, act: Act, serve: (args: readonly string[]) => Promise<void>): void {
  program
    .command("serve")
    .summary("runs a replica")
    .description("Runs a replica until SIGTERM.")
    .helpOption(false)
    .option("-h, --help", "list all settings, which are environment variables") // main.ts prints them
    .action(
      act((_, { help }: { readonly help?: true }) => serve(help === true ? ["--help"] : []).then(() => undefined)),
    );
  program
    .command("verify")
    .summary("reconciles Redis, Postgres and the counters")
    .description(
      "Reconciles Redis, Postgres and the counters of a system, which may be running, and lists each job that is in no place or in\n" +
        "two. It changes nothing. REDIS_ADDR, DATABASE_URL and REDIS_NAMESPACE name the system; set LEASE_MS and RETENTION_DAYS\n" +
        "as its replicas do.",
    )
    .action(act(verify));
  program
    .command("migrate")
    .summary("applies pending migrations to the database")
    .description("Applies pending migrations to the database of DATABASE_URL. A replica does so at its start, too.")
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
  return reportingUnreachable(invocation, () => verifyCommand({ config, isJson, out: terminal.out }));
}

async function migrateDatabase(invocation: Invocation): Promise<number> {
  const { env, isJson, terminal } = invocation;
  const [{ loadConfig }, { migrate }] = await Promise.all([
    import("../config/config.ts"),
    import("../results/migrate.ts"),
  ]);
  const { DATABASE_URL: url } = loadConfig(env, []);
  if (url === "") throw new StartError("DATABASE_URL must be set: it names the database to migrate.");
  return reportingUnreachable(invocation, async () => {
    const applied = await migrate(url, { onWait: (wait) => terminal.err.write(`taskflow: waiting for ${wait}\n`) });
    if (isJson) printJson(terminal, { applied });
    else
      terminal.out.write(
        applied.length === 0 ? "No migrations to apply.\n" : applied.map((name) => `${name}\n`).join(""),
      );
    return IN_ORDER;
  });
}
