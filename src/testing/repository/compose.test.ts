import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { freePort } from "../../embedded/free-port.ts";
import { findRedis } from "../../embedded/redis-binary.ts";
import { redisCommand } from "../../embedded/redis-command.ts";
import { launch } from "../installation.ts";
import { redisCacheDir } from "../own-servers.ts";
import { jobWhen, submit } from "../replica.ts";
import { ownPostgres, tempDir } from "../services.ts";
import { until } from "../until.ts";

/**
 * compose.yaml and the scripts that it runs. No container engine is needed: the servers of the tests take their
 * settings.
 */
const root = fileURLToPath(new URL("../../..", import.meta.url));
const run = promisify(execFile);

interface Service {
  readonly image: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly pids_limit?: number;
  readonly mem_limit?: string;
  readonly privileged?: boolean;
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly network_mode?: string;
  readonly command?: readonly string[];
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}
const compose = parse(readFileSync(join(root, "compose.yaml"), "utf8"), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly volumes: Readonly<Record<string, null>>;
};
const services = Object.entries(compose.services);
const REPLICAS = ["taskflow", "taskflow-worker"];
const pathsOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describe("the compose file", () => {
  it.each(services)("%s can write only to its volumes, and has no privileges", (name, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] });
    expect([service.pids_limit, service.mem_limit]).toEqual([expect.any(Number), expect.stringMatching(/\d[mg]\}?$/)]);
    expect([service.privileged, service.cap_add]).toEqual([undefined, name === "secrets" ? ["CHOWN"] : undefined]);
    for (const volume of service.volumes ?? [])
      expect(volume).toMatch(/^(?:\.\/scripts\/compose\/?[\w.-]*:.*:ro|[a-z-]+:\/.*)$/);
  });

  it("pins the images that it does not build", () => {
    for (const name of ["redis", "postgres", "secrets"])
      expect(compose.services[name]?.image).toMatch(/^\$\{\w+_IMAGE:-(?:redis|postgres):\d+\.\d+(?:\.\d+)?-alpine\}$/);
    expect(compose.services.mail?.image).toMatch(/^\$\{MAIL_IMAGE:-axllent\/mailpit:v\d+\.\d+\.\d+\}$/);
  });

  it("sends mail to its own catcher unless SMTP_URL is set, so that the first email arrives", () => {
    for (const name of REPLICAS)
      expect(compose.services[name]?.environment?.SMTP_URL).toBe("${SMTP_URL:-smtp://mail:1025}");
    const { mail } = compose.services;
    expect(mail?.environment?.MP_DATABASE).toMatch(/^\/tmp\//); // the only folder that it can write to
    expect(mail?.tmpfs?.[0]).toMatch(/^\/tmp:/);
  });

  it("opens ports on loopback only, for the API and the mail catcher's page", () => {
    const open = services.flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    expect(open).toEqual([
      ["taskflow", expect.stringMatching(/^127\.0\.0\.1:.*:8080$/)],
      ["mail", "127.0.0.1:8025:8025"],
    ]);
    for (const name of REPLICAS) expect(compose.services[name]?.environment?.TASKFLOW_AUTH).toBe("none");
  });

  it("lets only the replicas reach Redis and Postgres, which reach nothing themselves", () => {
    expect(compose.networks.back).toEqual({ internal: true });
    const on = (network: string): string[] =>
      services.filter(([, { networks }]) => networks?.includes(network)).map(([name]) => name);
    expect(on("back")).toEqual([...REPLICAS, "redis", "postgres"]);
    expect(on("front")).toEqual([...REPLICAS, "mail"]);
    expect(compose.services.secrets?.network_mode).toBe("none");
    // otherwise it would join the default network
    for (const [, { networks, network_mode: mode }] of services) expect(networks ?? mode).toBeDefined();
  });

  it("contains no password, and gives each container only its own", () => {
    const text = readFileSync(join(root, "compose.yaml"), "utf8");
    expect(text).not.toMatch(/:\/\/\w+:[^@\s]+@|POSTGRES_PASSWORD: *\w/);
    const readersOf = (volume: string): string[] =>
      services
        .filter(([, { volumes }]) => volumes?.some((each) => each.startsWith(`${volume}:`) && each.endsWith(":ro")))
        .map(([name]) => name);
    expect(["redis-secrets", "postgres-secrets", "taskflow-secrets"].map(readersOf)).toEqual([
      ["redis"],
      ["postgres"],
      REPLICAS,
    ]);
    for (const name of [...REPLICAS, "redis", "postgres"])
      expect(compose.services[name]?.depends_on?.secrets?.condition).toBe("service_completed_successfully");
    for (const [, { volumes = [] }] of services)
      for (const volume of volumes)
        if (!volume.startsWith("./")) expect(Object.keys(compose.volumes)).toContain(volume.split(":")[0]);
  });
});

type Secrets = Readonly<Record<string, string>>;

function secretOf(secrets: Secrets, name: string): string {
  const secret = secrets[name];
  if (secret === undefined) throw new Error(`no secret ${name}: ${Object.keys(secrets).join(", ")}`);
  return secret;
}

async function makeSecrets(folder: string, env: Secrets = {}): Promise<Secrets> {
  await run("/bin/sh", [join(root, "scripts/compose/make-secrets.sh")], {
    env: { PATH: process.env.PATH ?? "", SECRETS: folder, ...env },
  });
  return Object.fromEntries(
    pathsOf(folder).map((path) => [path.slice(folder.length + 1), readFileSync(path, "utf8").trim()]),
  );
}

describe("the passwords of an installation", () => {
  it("are generated once, and are hard to guess", async () => {
    const folder = tempDir();
    const made = await makeSecrets(folder);
    expect(Object.keys(made).sort()).toEqual([
      ...[
        "postgres/export-password",
        "postgres/postgres-password",
        "postgres/taskflow-password",
        "redis/password",
        "redis/redis.conf",
      ],
      ...["taskflow/database-url", "taskflow/export-database-url", "taskflow/redis-addr"],
    ]);
    const passwords = Object.entries(made)
      .filter(([name]) => name.endsWith("password"))
      .map(([, text]) => text);
    expect(new Set(passwords).size).toBe(4);
    for (const password of passwords) expect(password).toMatch(/^[0-9a-f]{48}$/);
    for (const path of pathsOf(folder)) expect(statSync(path).mode & 0o777).toBe(0o440);
    expect(await makeSecrets(folder)).toEqual(made);
    expect(await makeSecrets(folder, { POSTGRES_PASSWORD: "other" })).toEqual(made);
  });

  it("reuse the password of an existing database if it is valid in a URL", async () => {
    expect(await makeSecrets(tempDir(), { POSTGRES_PASSWORD: "old-one_1" })).toMatchObject({
      "taskflow/database-url": "postgres://taskflow:old-one_1@postgres:5432/taskflow",
    });
    await expect(makeSecrets(tempDir(), { POSTGRES_PASSWORD: "a@b" })).rejects.toThrow(
      /POSTGRES_PASSWORD: only letters/,
    );
  });

  it("let a replica start, whose export role can only read", async () => {
    const folder = tempDir();
    const secrets = await makeSecrets(folder);
    const redisPort = await startRedisOf(folder);
    expect(await redisCommand(redisPort, "PING")).toMatch(/^-NOAUTH/);
    const postgres = await ownPostgres();
    await makeRoles(postgres.address, secrets);
    /** The secret with the host names of compose.yaml replaced by the addresses of the test's servers. */
    const secretFile = (name: string): string => {
      const path = join(tempDir(), "secret");
      writeFileSync(
        path,
        secretOf(secrets, `taskflow/${name}`)
          .replace("@redis:6379", `@127.0.0.1:${redisPort}`)
          .replace("@postgres:5432", `@127.0.0.1:${postgres.port}`),
      );
      return path;
    };
    const files = {
      REDIS_ADDR_FILE: secretFile("redis-addr"),
      DATABASE_URL_FILE: secretFile("database-url"),
      EXPORT_DATABASE_URL_FILE: secretFile("export-database-url"),
    };
    const { environment = {} } = compose.services.taskflow ?? {};
    for (const name of Object.keys(files)) expect(environment[name]).toMatch(/^\/run\/secrets\//);
    const home = tempDir();
    mkdirSync(join(home, "queries"));
    writeFileSync(
      join(home, "queries", "who.sql"),
      "select current_user as who, current_setting('transaction_read_only') as read_only",
    );
    const program = await launch(home, {
      ...files,
      TASKFLOW_AUTH: "none",
      SMTP_URL: "smtp://127.0.0.1:1",
      WORKER_COUNT: "1",
    }).ready();
    expect(await (await fetch(`${program.url}/api/v1/health`)).json()).toMatchObject({ status: "ok" });
    expect(program.stderr).not.toContain("started"); // no embedded server
    const id = await submit(program, "data_export", { format: "csv", source: { query: "who" }, filename: "who" });
    expect(await jobWhen(program, id)).toMatchObject({ status: "completed" });
    expect(await (await fetch(`${program.url}/api/v1/jobs/${id}/artifacts/who.csv`)).text()).toBe(
      "who,read_only\r\ntaskflow_export,on\r\n",
    );
    await program.close();
    await expectReadOnly(readFileSync(files.EXPORT_DATABASE_URL_FILE, "utf8"));
  });
});

/**
 * Starts Redis with the arguments of compose.yaml, on a free port and in a temporary folder; it ends with the test's
 * process.
 */
async function startRedisOf(folder: string): Promise<number> {
  const { command, env } = await findRedis(redisCacheDir);
  const port = await freePort();
  const [, ...args] = compose.services.redis?.command ?? [];
  const own = args.map((arg) => arg.replace("/run/secrets/", `${folder}/redis/`));
  const child = spawn(command, [...own, "--bind", "127.0.0.1", "--port", String(port), "--dir", tempDir()], {
    env,
    stdio: "ignore",
  });
  process.once("exit", () => child.kill("SIGKILL"));
  await once(child, "spawn");
  await until(
    () =>
      redisCommand(port, "PING").then(
        () => true,
        () => false,
      ),
    { what: "Redis answers" },
  );
  return port;
}

/** Does what scripts/compose/postgres-roles.sh does, without psql, which not every machine has. */
async function makeRoles(superuserUrl: string, secrets: Secrets): Promise<void> {
  const script = readFileSync(join(root, "scripts/compose/postgres-roles.sh"), "utf8");
  const given = Object.fromEntries(
    [...script.matchAll(/-v (\w+)="\$\(cat \/run\/secrets\/([\w-]+)\)"/g)].map(([, name = "", file = ""]) => [
      name,
      secretOf(secrets, `postgres/${file}`),
    ]),
  );
  const sql = readFileSync(join(root, "scripts/compose/postgres-roles.sql"), "utf8").replace(
    /:'(\w+)'/g,
    (_text, name: string) => `'${secretOf(given, name)}'`,
  );
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  await client.query(sql);
  await client.query(sql); // must be safe to repeat
  await client.end();
}

async function expectReadOnly(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ count: string }>("select count(*) from jobs");
  expect(rows).toEqual([{ count: "1" }]);
  const denied = /permission denied|read-only transaction|must be owner/;
  for (const begin of ["", "set default_transaction_read_only = off"]) {
    if (begin !== "") await client.query(begin);
    for (const statement of [
      "delete from jobs",
      "create table mine (a int)",
      "create temporary table mine (a int)",
      "drop table jobs",
      "create role other",
      "copy (select 1) to program 'true'",
      "select pg_read_file('/etc/passwd')",
    ]) {
      await expect(client.query(statement)).rejects.toThrow(denied);
    }
  }
  await client.end();
}
