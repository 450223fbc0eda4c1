/**
 * The program, for all roles: reads arguments, settings and signals, and ends the process. Starts a Redis, a Postgres or a mail catcher of
 * its own where REDIS_ADDR, DATABASE_URL or SMTP_URL is not set. Settings are read here alone; other parts use the environment only to find
 * programs and certificates of the machine, or to start processes.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { loadUws } from "./api/http/uws-library.ts";
import type { Config } from "./config/config.ts";
import { loadConfig } from "./config/config.ts";
import { addressOf, parseRedisAddr } from "./config/redis-addr.ts";
import { describeSettings, settingsHelp } from "./config/settings-table.ts";
import type { EmbeddedServices } from "./embedded/services.ts";
import { startEmbedded } from "./embedded/services.ts";
import { messageOf, StartError, UsageError } from "./errors.ts";
import type { LoadedDefinition } from "./jobs/registry.ts";
import { loadDefinitions, registryOf, settingsOf } from "./jobs/registry.ts";
import { captureConsole } from "./observability/console-output.ts";
import type { Log } from "./observability/log.ts";
import { createLog } from "./observability/log.ts";
import { exitProcess, killAfter } from "./process/exit.ts";
import { Shutdown } from "./process/shutdown.ts";
import type { System } from "./replica/replica.ts";
import { startSystem } from "./replica/replica.ts";

const version = (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string })
  .version;

const HELP: readonly string[] = ["--help", "-h"];

const output = captureConsole();
const replica = randomReplicaId();

function say(text: string): void {
  output.print.stderr(`${text}\n`);
}

async function main(): Promise<void> {
  const [unknown] = process.argv.slice(2).filter((argument) => !HELP.includes(argument));
  if (unknown !== undefined)
    throw new UsageError(
      `expected no argument but --help, got ${JSON.stringify(unknown)}: settings are variables of the environment.`,
    );
  const definitions = await loadDefinitions({ jobsDir: process.env.TASKFLOW_JOBS });
  const typeSettings = settingsOf(definitions);
  if (process.argv.length > 2) {
    output.print.stdout(`taskflow ${version}\n\n${settingsHelp(describeSettings(typeSettings))}`);
    return;
  }
  const config = loadConfig(process.env, typeSettings);
  loadUws(); // if it cannot be loaded, starting anything else is in vain
  const log = createLog({ level: config.LOG_LEVEL, replica });
  output.to(() => log);
  const shutdown = new Shutdown({
    log,
    drainMs: config.DRAIN_MS,
    delayMs: config.SHUTDOWN_DELAY_MS,
    exit: exitProcess,
    killAfter,
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, shutdown.signalled);
  process.on("uncaughtException", shutdown.faulted);
  process.on("unhandledRejection", shutdown.faulted);
  // In production a mail catcher would keep mail from leaving: there, jobs of type email fail and name the missing setting.
  const catchesMail = config.SMTP_URL === "" && process.env.NODE_ENV !== "production" && config.TASKFLOW_ROLE !== "api";
  const embedded = await startEmbedded({
    dataDir: config.DATA_DIR,
    warn: (message) => log.warn(message),
    needs: { redis: config.REDIS_ADDR === null, postgres: config.DATABASE_URL === "", mail: catchesMail },
  });
  try {
    const system = await startReplica({ config, definitions, replica, log, embedded, onUnfit: shutdown.unfit });
    shutdown.serves({
      close: async () => {
        await system.close();
        await embedded.close();
      },
      leave: () => system.leave(),
      jobs: () => system.jobs(),
    });
    announce(config, system.port, embedded);
  } catch (error) {
    await embedded.close();
    throw error;
  }
}

interface Parts {
  readonly config: Config;
  readonly definitions: readonly LoadedDefinition[];
  readonly replica: string;
  readonly log: Log;
  readonly embedded: EmbeddedServices;
  readonly onUnfit: () => void;
}

async function startReplica({ config, definitions, replica, log, embedded, onUnfit }: Parts): Promise<System> {
  const redis = config.REDIS_ADDR ?? parseRedisAddr(embedded.redisAddr ?? "");
  if (!redis) throw new StartError("REDIS_ADDR is not set, and no Redis was started here.");
  const databaseUrl = config.DATABASE_URL || (embedded.databaseUrl ?? "");
  const smtpUrl = config.SMTP_URL || (embedded.smtpUrl ?? "");
  const typeSettings = { ...config.typeSettings, DATABASE_URL: databaseUrl, SMTP_URL: smtpUrl };
  return startSystem({
    config,
    registry: registryOf(definitions, typeSettings),
    replica,
    log,
    version,
    databaseUrl,
    redis: { url: redis.url, where: addressOf(redis) },
    typeSettings,
    mail: embedded.mail,
    onUnfit,
  });
}

/** Eight characters, new for each boot: a restarted replica must not own the leases of its predecessor. */
function randomReplicaId(): string {
  return randomBytes(5).toString("hex").slice(0, 8);
}

/** Prints what was started here, and a first command to try. */
function announce(config: Config, port: number, embedded: EmbeddedServices): void {
  const { host } = config.SERVER_ADDR;
  const isEveryInterface = ["", "0.0.0.0", "::"].includes(host); // not an address to call: protected mode would reject it as the host of another server
  const url = `http://${isEveryInterface ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host}:${port}`;
  say(`TaskFlow ${version} serves on ${url}`);
  for (const { name, where, data } of embedded.started) say(`  started ${name} on ${where}, data in ${data}`);
  if (embedded.started.length === 0 || config.TASKFLOW_ROLE === "worker") return;
  const job = `{"type":"email","payload":{"to":"you@example.com","subject":"Hello","body":"From TaskFlow"}}`;
  say(`\nTry it:\n  curl -s ${url}/api/v1/jobs -H 'content-type: application/json' -d '${job}'`);
  if (embedded.mail) say(`  curl -s ${url}/dev/mail`);
}

main().catch((error: unknown) => {
  output.to(() => createLog({ level: "info", replica })); // prints output that was captured before there was a log
  // One sentence for errors that the operator can correct; a stack for bugs of TaskFlow.
  if (error instanceof StartError) say(`taskflow: ${error.message}`);
  else say(`taskflow: ${error instanceof Error ? (error.stack ?? messageOf(error)) : messageOf(error)}`);
  exitProcess(error instanceof UsageError ? 2 : 1);
});
