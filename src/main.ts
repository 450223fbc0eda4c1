/**
 * The program, for all roles. It reads the arguments, the environment and the signals of the process, and alone ends
 * it. It starts a Redis, a Postgres and a mail catcher where REDIS_ADDR, DATABASE_URL or SMTP_URL are not set. Settings
 * are read here alone; other parts use the environment only to find programs and certificates of the machine, or to
 * start processes.
 */
import { randomBytes } from "node:crypto";
import { loadUws } from "./api/http/uws-library.ts";
import type { Config } from "./config/config.ts";
import { loadConfig } from "./config/config.ts";
import { addressOf, parseRedisAddr } from "./config/redis-addr.ts";
import { describeSettings, settingsHelp } from "./config/settings-table.ts";
import { version } from "./config/version.ts";
import type { EmbeddedOptions, EmbeddedServices } from "./embedded/services.ts";
import { haveRunBefore, startEmbedded } from "./embedded/services.ts";
import { messageOf, StartError, UsageError } from "./errors.ts";
import type { Registry, TypeSettings } from "./jobs/registry.ts";
import { captureConsole } from "./observability/console-output.ts";
import type { Log } from "./observability/log.ts";
import { createLog, logFormat } from "./observability/log.ts";
import { exitProcess, killAfter } from "./process/exit.ts";
import { Shutdown } from "./process/shutdown.ts";
import type { Replica, startReplica } from "./replica/replica.ts";

const HELP: readonly string[] = ["--help", "-h"];
const ENDING_SIGNALS = ["SIGTERM", "SIGINT"] as const;

const output = captureConsole();
const replica = randomReplicaId();

function say(text: string): void {
  output.print.stderr(`${text}\n`);
}

/** Listens for the signals and for errors that nothing catches. */
function startShutdown({ DRAIN_MS, SHUTDOWN_DELAY_MS }: Config, log: Log): Shutdown {
  const shutdown = new Shutdown({ log, drainMs: DRAIN_MS, delayMs: SHUTDOWN_DELAY_MS, exit: exitProcess, killAfter });
  for (const signal of ENDING_SIGNALS) process.off(signal, endAtOnce).on(signal, shutdown.signalled);
  process.on("uncaughtException", shutdown.faulted);
  process.on("unhandledRejection", shutdown.faulted);
  return shutdown;
}

async function main(): Promise<void> {
  const [unknown] = process.argv.slice(2).filter((argument) => !HELP.includes(argument));
  if (unknown !== undefined)
    throw new UsageError(
      `expected no argument but --help, got ${JSON.stringify(unknown)}: settings are variables of the environment.`,
    );
  if (process.argv.length > 2) {
    const { typeSettings } = await loadTypes();
    output.print.stdout(`taskflow ${version}\n\n${settingsHelp(describeSettings(typeSettings))}`);
    return;
  }
  const early = startEarly();
  const { config, definitions, registryOf } = await configure().catch(async (error: unknown) => {
    await early?.services.then((services) => services.close()).catch(() => undefined); // the settings come first
    throw error;
  });
  const log = createLog({
    level: config.LOG_LEVEL,
    replica,
    format: logFormat(config.LOG_FORMAT, process.stdout, process.env),
    secrets: config.secrets,
  });
  output.to(() => log);
  const shutdown = startShutdown(config, log);
  // Most of the code is loaded while the services start, which takes them about as long.
  const loading = import("./replica/replica.ts");
  const warn = (message: string): void => log.warn(message);
  early?.warnings.forEach(warn);
  const embedded = await (early?.services ?? startEmbedded({ ...servicesOf(config), warn }));
  try {
    const { startReplica } = await loading;
    const running = await launch({
      startReplica,
      config,
      registryOf: (settings) => registryOf(definitions, settings),
      replica,
      log,
      embedded,
      onUnfit: shutdown.unfit,
    });
    shutdown.serves({
      close: async () => {
        await running.close();
        await embedded.close();
      },
      leave: () => running.leave(),
      jobs: () => running.jobs(),
    });
    announce(config, running.port, embedded);
  } catch (error) {
    await embedded.close();
    throw error;
  }
}

/** The definitions of all job types. Loading them takes as long as starting Redis and Postgres. */
async function loadTypes() {
  const { loadDefinitions, registryOf, settingsOf } = await import("./jobs/registry.ts");
  const definitions = await loadDefinitions({ jobsDir: process.env.TASKFLOW_JOBS });
  return { definitions, registryOf, typeSettings: settingsOf(definitions) };
}

/** @throws UsageError that lists every wrong setting, of the program and of the job types */
async function configure() {
  const { typeSettings, ...types } = await loadTypes();
  const config = loadConfig(process.env, typeSettings);
  loadUws(); // without it, nothing else need be started
  return { config, ...types };
}

/** The services that are not configured. */
function servicesOf(config: Config): Omit<EmbeddedOptions, "warn"> {
  // In production a mail catcher would keep mail from leaving: there, jobs of type email fail and name the missing
  // setting.
  const catchesMail = config.SMTP_URL === "" && process.env.NODE_ENV !== "production" && config.TASKFLOW_ROLE !== "api";
  return {
    dataDir: config.DATA_DIR,
    needs: { redis: config.REDIS_ADDR === null, postgres: config.DATABASE_URL === "", mail: catchesMail },
  };
}

interface EarlyStart {
  readonly services: Promise<EmbeddedServices>;
  /** For the log, which needs the whole configuration. */
  readonly warnings: readonly string[];
}

/**
 * Starts the services while the job types are loaded. Not for the first start on a data folder, which takes longer: a
 * wrong setting of a job type would be reported late, and would leave a folder behind.
 */
function startEarly(): EarlyStart | undefined {
  const warnings: string[] = [];
  try {
    const needed = servicesOf(loadConfig(process.env, []));
    loadUws();
    if (!haveRunBefore(needed)) return undefined;
    for (const signal of ENDING_SIGNALS) process.on(signal, endAtOnce);
    const services = startEmbedded({ ...needed, warn: (message) => warnings.push(message) });
    services.catch(() => undefined); // reported when it is awaited, after the issues of the settings
    return { services, warnings };
  } catch {
    return undefined; // `configure` reports it, together with the issues of the job types
  }
}

/** The embedded services stop on exit. */
function endAtOnce(): void {
  exitProcess(1);
}

interface Parts {
  readonly startReplica: typeof startReplica;
  readonly config: Config;
  readonly registryOf: (settings: TypeSettings) => Registry;
  readonly replica: string;
  readonly log: Log;
  readonly embedded: EmbeddedServices;
  readonly onUnfit: () => void;
}

async function launch({ startReplica, config, registryOf, replica, log, embedded, onUnfit }: Parts): Promise<Replica> {
  const redis = config.REDIS_ADDR ?? parseRedisAddr(embedded.redisAddr ?? "");
  if (!redis) throw new StartError("REDIS_ADDR is not set, and TaskFlow has not started a Redis.");
  const databaseUrl = config.DATABASE_URL || (embedded.databaseUrl ?? "");
  const smtpUrl = config.SMTP_URL || (embedded.smtpUrl ?? "");
  const typeSettings = { ...config.typeSettings, DATABASE_URL: databaseUrl, SMTP_URL: smtpUrl };
  return startReplica({
    config,
    registry: registryOf(typeSettings),
    replica,
    log,
    version,
    databaseUrl,
    redis: { url: redis.url, address: addressOf(redis) },
    typeSettings,
    mail: embedded.mail,
    onUnfit,
  });
}

/** Eight characters, new for each boot: a restarted replica must not own the leases of its predecessor. */
function randomReplicaId(): string {
  return randomBytes(5).toString("hex").slice(0, 8);
}

/** Prints the address, the started services, and a first command to try. */
function announce(config: Config, port: number, embedded: EmbeddedServices): void {
  const { host } = config.SERVER_ADDR;
  const isEveryInterface = ["", "0.0.0.0", "::"].includes(host); // not an address to call: protected mode rejects it
  const url = `http://${isEveryInterface ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host}:${port}`;
  say(`TaskFlow ${version} serves on ${url}`);
  for (const { name, address, data } of embedded.started) say(`  started ${name} on ${address}, data in ${data}`);
  if (embedded.started.length === 0 || config.TASKFLOW_ROLE === "worker") return;
  const job = `{"type":"email","payload":{"to":"you@example.com","subject":"Hello","body":"From TaskFlow"}}`;
  say(`\nTry it:\n  curl -s ${url}/api/v1/jobs -H 'content-type: application/json' -d '${job}'`);
  if (embedded.mail) say(`  curl -s ${url}/dev/mail`);
}

main().catch((error: unknown) => {
  // for the text that was printed before there was a log
  output.to(() => createLog({ level: "info", replica, format: logFormat("", process.stdout, process.env) }));
  // one sentence for an error that the operator can fix, a stack for a bug
  if (error instanceof StartError) say(`taskflow: ${error.message}`);
  else say(`taskflow: ${error instanceof Error ? (error.stack ?? messageOf(error)) : messageOf(error)}`);
  exitProcess(error instanceof UsageError ? 2 : 1);
});
