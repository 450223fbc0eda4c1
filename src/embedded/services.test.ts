import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createTransport } from "nodemailer";
import pg from "pg";
import { afterEach, expect, it, vi } from "vitest";
import { StartError } from "../errors.ts";
import { makeDataFolder } from "../testing/own-servers.ts";
import { tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { lockDataDir } from "./data-lock.ts";
import { identityOf, readIdentity, writeIdentity } from "./process-identity.ts";
import { redisCommand } from "./redis-command.ts";
import { type EmbeddedServices, startEmbedded } from "./services.ts";

// each test may start two programs and two clusters while other tests run
vi.setConfig({ testTimeout: 90_000 });

const ALL = { redis: true, postgres: true, mail: true };
const NONE = { redis: false, postgres: false, mail: false };

const opened: EmbeddedServices[] = [];
const programs: ChildProcess[] = [];
afterEach(async () => {
  for (const program of programs.splice(0)) if (program.exitCode === null) program.kill("SIGKILL");
  for (const services of opened.splice(0)) await services.close();
});

async function start(dataDir: string, needs = ALL): Promise<EmbeddedServices> {
  const services = await startEmbedded({ dataDir, needs });
  opened.push(services);
  return services;
}

/** A data folder that is empty except for a Redis. */
function dataFolder(): string {
  const dataDir = tempDir();
  makeDataFolder(dataDir);
  return dataDir;
}

interface Program {
  readonly child: ChildProcess;
  readonly redisAddr: string;
  readonly databaseUrl: string;
  nextLine(): Promise<string>;
}

/** Starts a program in its own process group that starts the services and then runs `code`. */
async function program(dataDir: string, needs: object, code = "setInterval(() => {}, 1000);"): Promise<Program> {
  const source = `
    import { startEmbedded } from ${JSON.stringify(new URL("services.ts", import.meta.url).href)};
    import { redisCommand } from ${JSON.stringify(new URL("redis-command.ts", import.meta.url).href)};
    const services = await startEmbedded(${JSON.stringify({ dataDir, needs })});
    console.log(JSON.stringify(services));
    ${code}`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", source], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  programs.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => String((await lines.next()).value);
  return { child, nextLine, ...(JSON.parse(await nextLine()) as { redisAddr: string; databaseUrl: string }) };
}

const pidIn = (...path: string[]): number => readIdentity(readFileSync(join(...path, "server.pid"), "utf8"))?.pid ?? 0;

async function query(url: string | undefined, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

async function send(url: string | undefined, subject: string): Promise<void> {
  const transport = createTransport(url);
  await transport.sendMail({ from: "a@x.test", to: "b@y.test", subject, text: "." });
  transport.close();
}

it("starts the needed services, with the same data at the next start", async () => {
  const dataDir = dataFolder();
  const first = await start(dataDir);
  expect(first.started.map(({ name }) => name)).toEqual(["Redis", "Postgres", "mail catcher"]);
  for (const address of [first.databaseUrl, first.redisAddr])
    expect(JSON.stringify(first.started)).not.toContain(new URL(address ?? "").password);
  await redisCommand(first.redisAddr ?? "", "SET", "kept", "1");
  await query(first.databaseUrl, "create table kept as select 1 as n");
  await send(first.smtpUrl, "kept");
  await first.close();
  await expect(redisCommand(first.redisAddr ?? "", "PING")).rejects.toThrow();

  const second = await start(dataDir);
  expect(await redisCommand(second.redisAddr ?? "", "EXISTS", "kept")).toBe(":1");
  expect(await query(second.databaseUrl, "select n from kept")).toEqual([{ n: 1 }]);
  expect(await second.mail?.list()).toMatchObject([{ subject: "kept" }]);
});

it("starts no other services, and creates no folder for them", async () => {
  const dataDir = join(tempDir(), "none");
  expect(await start(dataDir, NONE)).toMatchObject({ started: [] });
  expect(existsSync(dataDir)).toBe(false);
});

it("takes over the data of a killed program, and stops the servers that the program left running", async () => {
  const dataDir = dataFolder();
  const killed = await program(dataDir, { ...ALL, mail: false });
  await redisCommand(killed.redisAddr, "SET", "kept", "1");
  await query(killed.databaseUrl, "create table kept as select 1 as n");
  const orphans = [pidIn(dataDir, "redis"), pidIn(dataDir, "postgres")];
  killed.child.kill("SIGKILL");
  await once(killed.child, "exit");
  expect(orphans.map((pid) => identityOf(pid) !== undefined)).toEqual([true, true]);

  const next = await start(dataDir, { ...ALL, mail: false });
  expect(orphans.map((pid) => identityOf(pid))).toEqual([undefined, undefined]);
  expect(await redisCommand(next.redisAddr ?? "", "EXISTS", "kept")).toBe(":1");
  expect(await query(next.databaseUrl, "select n from kept")).toEqual([{ n: 1 }]);
});

it("stops the servers when the program exits without closing them", async () => {
  const dataDir = dataFolder();
  const other = await program(dataDir, { ...ALL, mail: false }, "process.exit(0);");
  if (other.child.exitCode === null) await once(other.child, "exit");
  await until(
    () => [pidIn(dataDir, "redis"), pidIn(dataDir, "postgres")].every((pid) => identityOf(pid) === undefined),
    {
      what: "both servers are gone",
    },
  );
});

it("keeps the servers running after Ctrl-C until the program has drained", async () => {
  const drains = `
    process.on("SIGINT", async () => {
      setTimeout(async () => {
        console.log(await redisCommand(services.redisAddr, "PING"));
        await services.close();
        process.exit(0);
      }, 200); // long enough for a server that got the signal too to be gone
    });
    setInterval(() => {}, 1000);
    console.log("listening");`;
  const other = await program(dataFolder(), { ...NONE, redis: true }, drains);
  expect(await other.nextLine()).toBe("listening");
  process.kill(-(other.child.pid ?? 0), "SIGINT");
  expect(await other.nextLine()).toBe("+PONG");
  await once(other.child, "exit");
});

it("creates its data folder, and rejects a folder that another program uses", async () => {
  const dataDir = join(tempDir(), "made", "here");
  await start(dataDir, { ...NONE, mail: true });
  await expect(start(dataDir, { ...NONE, mail: true })).rejects.toThrow(
    new StartError(
      `The data folder ${dataDir} is in use by process ${process.pid}: stop that one first, or set another DATA_DIR.`,
    ),
  );
});

it("reports a data folder that cannot be created, in one sentence", async () => {
  const file = join(tempDir(), "file");
  writeFileSync(file, "");
  await expect(start(file)).rejects.toThrow(
    new StartError(
      `The data folder of TaskFlow, ${file}, cannot be created or written (EEXIST): set DATA_DIR to one that can.`,
    ),
  );
  await expect(start(join(file, "data"))).rejects.toThrow(
    new StartError(
      `The data folder of TaskFlow, ${file}/data, cannot be created or written (ENOTDIR): set DATA_DIR to one that can.`,
    ),
  );
});

it("stops the other services and unlocks the folder if one does not start", async () => {
  const dataDir = dataFolder();
  mkdirSync(join(dataDir, "postgres"));
  writeFileSync(join(dataDir, "postgres", "cluster"), "no cluster");
  await expect(start(dataDir, { ...ALL, mail: false })).rejects.toBeInstanceOf(StartError);
  expect(identityOf(pidIn(dataDir, "redis"))).toBeUndefined();
  lockDataDir(dataDir)();
});

it("takes over a lock that is incomplete, or whose process has exited, even if another process has its pid", () => {
  const dataDir = tempDir();
  const stale = [writeIdentity(2 ** 22 + 1), JSON.stringify({ pid: process.pid, mark: "an earlier life" }), "{", ""];
  for (const text of stale) {
    writeFileSync(join(dataDir, "lock"), text);
    lockDataDir(dataDir)();
    expect(existsSync(join(dataDir, "lock"))).toBe(false);
  }
});
