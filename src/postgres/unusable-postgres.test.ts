/**
 * The errors that an operator gets for an unusable DATABASE_URL, each from a Postgres that rejects it.
 */
import { chownSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { beforeAll, describe, expect, it } from "vitest";
import { clusterDir, postgresUser } from "../embedded/postgres-binary.ts";
import { StartError } from "../errors.ts";
import { migrate } from "../results/migrate.ts";
import { ownPostgres, tempDir } from "../testing/services.ts";
import { testCertificate, testKey } from "../testing/tls.ts";
import { postgresConnection, postgresPool } from "./connection.ts";

interface Server {
  readonly url: string;
  readonly certificate: string;
  readonly key: string;
  readonly hba: string;
}

const OPEN = "host all all 127.0.0.1/32 scram-sha-256\n";

const admin = async (url: string, ...statements: readonly string[]): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
};

/** A Postgres with TLS, with a self-signed certificate. */
async function tlsServer(): Promise<Server> {
  const dir = tempDir();
  const [certificate, key, hba] = [join(dir, "server.crt"), join(dir, "server.key"), join(dir, "pg_hba.conf")];
  writeFileSync(hba, OPEN);
  writeFileSync(certificate, testCertificate);
  writeFileSync(key, testKey, { mode: 0o600 });
  const user = postgresUser(clusterDir(dir));
  if (user) for (const path of [dir, certificate, key, hba]) chownSync(path, user.uid, user.gid);
  const { address } = await ownPostgres([
    "-c",
    "ssl=on",
    "-c",
    `ssl_cert_file=${certificate}`,
    "-c",
    `ssl_key_file=${key}`,
    "-c",
    `ssl_ca_file=${certificate}`,
    "-c",
    `hba_file=${hba}`,
  ]);
  return { url: address, certificate, key, hba };
}

async function isEncrypted(databaseUrl: string): Promise<unknown> {
  const { client, open } = postgresConnection({ databaseUrl, name: "test" });
  await open();
  const { rows } = await client.query<{ ssl: boolean; client: string | null }>(
    "select ssl, client_dn as client from pg_stat_ssl where pid = pg_backend_pid()",
  );
  await client.end();
  return rows[0];
}

let server: Server;
let plain: string;
beforeAll(async () => {
  [server, { address: plain }] = await Promise.all([tlsServer(), ownPostgres(["-c", "max_connections=12"])]);
});

const named = (url: string): string => url.replace("127.0.0.1", "localhost");
const PLAIN = { ssl: false, client: null };
const ENCRYPTED = { ssl: true, client: null };

describe("sslmode", () => {
  it("is read as libpq reads it", async () => {
    const { url, certificate, key } = server;
    const warnings: unknown[] = [];
    process.on("warning", (warning) => warnings.push(warning));
    for (const [query, expected] of [
      ["", PLAIN],
      ["?sslmode=disable", PLAIN],
      ["?sslmode=allow", PLAIN],
      ["?sslmode=prefer", ENCRYPTED],
      ["?sslmode=require", ENCRYPTED],
      ["?sslmode=no-verify", ENCRYPTED],
      [`?sslmode=require&sslrootcert=${certificate}`, ENCRYPTED],
      [`?sslmode=verify-ca&sslrootcert=${certificate}`, ENCRYPTED],
      [`?sslmode=verify-full&sslrootcert=${certificate}`, ENCRYPTED],
      ["?sslmode=require&channel_binding=prefer", ENCRYPTED],
      [`?sslmode=require&sslcert=${certificate}&sslkey=${key}`, { ssl: true, client: "/CN=peer.example" }],
    ] as const) {
      expect([query, await isEncrypted(url + query)]).toEqual([query, expected]);
    }
    expect(await isEncrypted(`${named(url)}?sslmode=verify-ca&sslrootcert=${certificate}`)).toEqual(ENCRYPTED);
    expect(warnings).toEqual([]);
  });

  it("falls back if the server has no TLS, for reads as well", async () => {
    for (const mode of ["prefer", "allow"]) {
      const url = `${plain}?sslmode=${mode}`;
      expect([mode, await isEncrypted(url)]).toEqual([mode, PLAIN]);
      const pool = postgresPool({ databaseUrl: url, name: "test", size: 1 });
      expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
      await pool.end();
    }
  });
});

describe("a Postgres that cannot be used", () => {
  const cases: readonly (readonly [string, () => string, string])[] = [
    [
      "has no TLS",
      () => `${plain}?sslmode=require`,
      "(it does not offer TLS): turn ssl on there, or use sslmode=prefer",
    ],
    [
      "has a self-signed certificate",
      () => `${server.url}?sslmode=verify-full`,
      "(no known authority has signed its certificate): set its authority's certificate in DATABASE_URL (sslrootcert=FILE)",
    ],
    [
      "has a certificate for another name",
      () => `${named(server.url)}?sslmode=verify-full&sslrootcert=${server.certificate}`,
      "(its certificate is for another host name): use a name of the certificate",
    ],
    ["has no such database", () => `${plain}_not`, 'database "taskflow_not" does not exist): create that database'],
    [
      "has another password",
      () => Object.assign(new URL(plain), { password: "hunter2" }).href,
      'password authentication failed for user "postgres"): correct the user and the password',
    ],
    [
      "has no such user",
      () => Object.assign(new URL(plain), { username: "nobody" }).href,
      "correct the user and the password",
    ],
    ["wants a password", () => Object.assign(new URL(plain), { password: "" }).href, "correct the password"],
    [
      "has no such host",
      () => plain.replace("127.0.0.1", "postgres.invalid"),
      "(its host name cannot be looked up): correct the host",
    ],
    [
      "has no such socket",
      () => "postgres:///taskflow?host=/nowhere&user=x",
      "(no server listens on that socket): check that it runs",
    ],
    [
      "gets a file that is not there",
      () => `${plain}?sslmode=verify-ca&sslrootcert=/nowhere.crt`,
      "The file that sslrootcert names in the URL of Postgres cannot be read",
    ],
    ["gets an unknown mode", () => `${plain}?sslmode=always`, 'sslmode="always": it is one of disable, allow, prefer'],
    [
      "gets a mode without its required files",
      () => `${plain}?sslmode=verify-ca`,
      "sslmode=verify-ca without sslrootcert: name the file",
    ],
    [
      "gets a mode too weak for the roots of the system",
      () => `${plain}?sslmode=require&sslrootcert=system`,
      "use sslmode=verify-full",
    ],
    [
      "gets an option of several servers",
      () => `${plain}?target_session_attrs=read-write`,
      'has the option "target_session_attrs": TaskFlow does not support this option',
    ],
    ["gets an option of another client", () => `${plain}?pgbouncer=true`, 'has the option "pgbouncer"'],
    ["is several servers", () => plain.replace("127.0.0.1", "one,two"), "names more than one host: name one"],
  ];

  it.each(cases)("explains the failure if it %s", async (_, url, expected) => {
    const refused = migrate(url());
    await expect(refused).rejects.toThrow(StartError);
    await expect(refused).rejects.toThrow(expected);
    await expect(refused).rejects.toThrow(/^[^\n]*\.$/);
    await expect(refused).rejects.not.toThrow(/hunter2/);
  });

  it("explains that a role has no free connection, or may not log in", async () => {
    await admin(
      plain,
      "create role few login password 'p' connection limit 0",
      "create role shut nologin password 'p'",
    );
    const as = (username: string): string => Object.assign(new URL(plain), { username, password: "p" }).href;
    await expect(migrate(as("few"))).rejects.toThrow(
      /too many connections for role "few"\): allow it more connections .*, or start fewer replicas\.$/,
    );
    await expect(migrate(as("shut"))).rejects.toThrow(/role "shut" is not permitted to log in\): correct the user/);
  });

  it("explains that it requires TLS, and names the option", async () => {
    writeFileSync(server.hba, "hostssl all all 127.0.0.1/32 scram-sha-256\n");
    try {
      await admin(server.url, "select pg_reload_conf()");
      await expect
        .poll(() => migrate(server.url).catch(String), { timeout: 20_000 })
        .toMatch(/no pg_hba\.conf entry .*no encryption\): add sslmode=require to DATABASE_URL/);
      const allowing = `${server.url}?sslmode=allow`;
      await isEncrypted(allowing).catch(() => undefined); // it may know the server from before
      expect(await isEncrypted(allowing)).toEqual(ENCRYPTED);
    } finally {
      writeFileSync(server.hba, OPEN);
      await admin(`${server.url}?sslmode=no-verify`, "select pg_reload_conf()");
    }
  });

  it("explains that it is read-only", async () => {
    await admin(plain, "create database readonly", "alter database readonly set default_transaction_read_only = on");
    await expect(migrate(Object.assign(new URL(plain), { pathname: "/readonly" }).href)).rejects.toThrow(
      /takes no writes from role "postgres" \(default_transaction_read_only is on\): alter role or database/,
    );
  });
});

it("limits of a role do not apply to TaskFlow's connections", async () => {
  await admin(
    plain,
    "create database limited",
    "alter database limited set statement_timeout = 1",
    "alter database limited set idle_session_timeout = 50",
  );
  const url = Object.assign(new URL(plain), { pathname: "/limited" }).href;
  expect(await migrate(url)).toContain("0001_jobs.sql");
});
