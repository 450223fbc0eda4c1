/** Other users of the machine have no access to the started services. */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import pg from "pg";
import { afterEach, expect, it, vi } from "vitest";
import { StartError } from "../errors.ts";
import { makeDataFolder, redisCacheDir } from "../testing/own-servers.ts";
import { tempDir } from "../testing/services.ts";
import { startRedis } from "./redis.ts";
import { redisCommand } from "./redis-command.ts";
import { type EmbeddedServices, startEmbedded } from "./services.ts";

vi.setConfig({ testTimeout: 90_000 });

const REDIS = { redis: true, postgres: false, mail: false };
const MAIL = { redis: false, postgres: false, mail: true };

const opened: EmbeddedServices[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const services of opened.splice(0)) await services.close();
});

async function start(dataDir: string, needs: typeof REDIS, warnings: string[] = []): Promise<EmbeddedServices> {
  const services = await startEmbedded({ dataDir, needs, warn: (message) => warnings.push(message) });
  opened.push(services);
  return services;
}

/** The paths below a folder on which other users have any permission. */
function openPaths(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name));
  return [folder, ...entries].filter(
    (path) => !lstatSync(path).isSymbolicLink() && (statSync(path).mode & 0o077) !== 0,
  );
}

/** The output of `ps` for a process and its children, with their environments. */
function processText(pid: number): string {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  return [String(pid), ...children]
    .map((each) => readFileSync(`/proc/${each}/cmdline`, "latin1") + readFileSync(`/proc/${each}/environ`, "latin1"))
    .join("\n");
}

const pidIn = (...path: string[]): number =>
  (JSON.parse(readFileSync(join(...path, "server.pid"), "utf8")) as { pid: number }).pid;

it("cannot read files, ports, arguments or environments", async () => {
  vi.stubEnv("CALLBACK_SECRET", "a-setting-of-the-program");
  const dataDir = tempDir();
  makeDataFolder(dataDir);
  const services = await start(dataDir, { redis: true, postgres: true, mail: true });
  const redis = new URL(services.redisAddr ?? "");
  const postgres = new URL(services.databaseUrl ?? "");
  await redisCommand(redis.href, "SET", "kept", "1");
  const transport = createTransport(services.smtpUrl);
  await transport.sendMail({ from: "a@x.test", to: "b@y.test", subject: "Hi", text: "." });
  transport.close();

  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  expect(openPaths(dataDir)).toEqual([]);
  expect(await redisCommand(Number(redis.port), "GET", "kept")).toMatch(/^-NOAUTH /);
  expect(await redisCommand(`redis://default:wrong@127.0.0.1:${redis.port}`, "GET", "kept")).toMatch(/^-WRONGPASS /);
  const unauthenticated = new pg.Client({
    connectionString: Object.assign(new URL(postgres.href), { password: "" }).href,
  });
  await expect(unauthenticated.connect()).rejects.toThrow(/password/);
  for (const name of ["redis", "postgres"]) {
    const text = processText(pidIn(dataDir, name));
    for (const secret of [redis.password, postgres.password, "a-setting-of-the-program"])
      expect(text).not.toContain(secret);
  }
});

it("cannot read the folder of an earlier version after a start, which closes the folder and its files", async () => {
  const dataDir = tempDir();
  makeDataFolder(dataDir);
  const redisDir = join(dataDir, "redis");
  const earlier = await startRedis({ dataDir: redisDir, cacheDir: redisCacheDir });
  await redisCommand(earlier.port, "SET", "kept", "1");
  await earlier.close();
  for (const path of [dataDir, redisDir, join(redisDir, "appendonlydir")]) chmodSync(path, 0o755);
  for (const name of readdirSync(join(redisDir, "appendonlydir")))
    chmodSync(join(redisDir, "appendonlydir", name), 0o644);

  const warnings: string[] = [];
  const services = await start(dataDir, REDIS, warnings);
  expect(openPaths(dataDir)).toEqual([]);
  expect(await redisCommand(services.redisAddr ?? "", "GET", "kept")).toBe("$1");
  expect(await redisCommand(services.redisAddr ?? "", "EXISTS", "kept")).toBe(":1");
  expect(warnings).toEqual([
    `The data folder ${dataDir} was open to other users of the machine (mode 755); TaskFlow has closed it to them (mode 700).`,
  ]);
});

it("keeps the password of Redis, and replaces an incomplete one", async () => {
  const dataDir = tempDir();
  makeDataFolder(dataDir);
  const passwordOf = async (): Promise<string> => {
    const services = await start(dataDir, REDIS);
    await services.close();
    return new URL(services.redisAddr ?? "").password;
  };
  const first = await passwordOf();
  expect(await passwordOf()).toBe(first);
  expect(readFileSync(join(dataDir, "redis", "password"), "utf8")).toBe(first);
  writeFileSync(join(dataDir, "redis", "password"), first.slice(0, 7));
  expect(await passwordOf()).toMatch(/^[0-9a-f]{48}$/);
});

it("rejects a folder of another user", async () => {
  const isRoot = process.getuid?.() === 0;
  const dataDir = isRoot ? tempDir() : "/usr";
  if (isRoot) chownSync(dataDir, 65_534, 65_534);
  await expect(start(dataDir, MAIL)).rejects.toThrow(
    /^The data folder \S+ belongs to another user \(uid \d+, this is uid \d+\): .*\.$/,
  );
});

it("closes only TaskFlow's folders in a folder with other files, and rejects one that other users may write to", async () => {
  const dataDir = tempDir();
  mkdirSync(join(dataDir, "www"));
  const warnings: string[] = [];
  const services = await start(dataDir, MAIL, warnings);
  expect(
    [dataDir, join(dataDir, "www"), join(dataDir, "mail"), join(dataDir, "lock")].map(
      (path) => (statSync(path).mode & 0o077) === 0,
    ),
  ).toEqual([false, false, true, true]);
  expect(warnings).toEqual([
    `The data folder ${dataDir} has other files too, so its mode stays 755; TaskFlow's folders in it are closed to other users.`,
  ]);
  await services.close();
  chmodSync(dataDir, 0o1777);
  await expect(start(dataDir, MAIL)).rejects.toThrow(
    new StartError(
      `The data folder ${dataDir} has other files too, and other users may write to it: set DATA_DIR to a folder for TaskFlow alone.`,
    ),
  );
});
