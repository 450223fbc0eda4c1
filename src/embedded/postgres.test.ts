import { once } from "node:events";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import pg from "pg";
import { afterEach, expect, it } from "vitest";
import { StartError } from "../errors.ts";
import { tempDir } from "../testing/services.ts";
import { type PostgresOptions, type RunningPostgres, startPostgres } from "./postgres.ts";
import { launchAs } from "./postgres-binary.ts";
import { lastServer } from "./server-process.ts";

/** All tests share one cluster, since creating one takes a second. Only this user may enter its folder. */
const dataDir = join(tempDir(), "closed", "postgres");
mkdirSync(join(dataDir, ".."), { mode: 0o700 });

const opened: RunningPostgres[] = [];
afterEach(async () => {
  for (const postgres of opened.splice(0)) await postgres.close();
});

async function start(options: Partial<PostgresOptions> = {}): Promise<RunningPostgres> {
  const postgres = await startPostgres({ dataDir, ...options });
  opened.push(postgres);
  return postgres;
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

it("creates a cluster in a folder that other users may not enter, listens only on loopback, and accepts arguments", async () => {
  const postgres = await start({ args: ["-c", "max_connections=33", "-c", "fsync=off"] });
  const settings = await query(
    postgres.url,
    "select current_setting('max_connections') as most, current_setting('listen_addresses') as at, current_setting('unix_socket_directories') as sockets, current_database() as name",
  );
  expect(settings).toEqual([{ most: "33", at: "127.0.0.1", sockets: "", name: "taskflow" }]);
});

it("has committed data after kill -9, and creates its dropped database again", async () => {
  const first = await start();
  await query(first.url, "create table if not exists kept as select 1 as n");
  process.kill(first.pid, "SIGKILL");
  const second = await start({ port: first.port });
  expect(second.url).toBe(first.url);
  expect(await query(second.url, "select n from kept")).toEqual([{ n: 1 }]);
  await query(second.url.replace(/taskflow$/u, "postgres"), "drop database taskflow with (force)");
  await second.close();
  const third = await start();
  expect(await query(third.url, "select count(*)::int as n from pg_tables where tablename = 'kept'")).toEqual([
    { n: 0 },
  ]);
});

it("starts if another process has the pid in the lock file of a dead server", async () => {
  const first = await start();
  await first.close();
  writeFileSync(join(dataDir, "server.pid"), JSON.stringify({ pid: process.ppid, mark: "an earlier life" }));
  writeFileSync(join(dataDir, "cluster", "postmaster.pid"), `${process.ppid}\n${dataDir}/cluster\n0\n1\n\n127.0.0.1\n`);
  await start();
  expect(lastServer(dataDir)?.lives).toBe(true);
});

it("reports a taken port or an error of Postgres in one sentence", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  await expect(start({ port })).rejects.toThrow(
    new StartError(
      `Postgres cannot listen on 127.0.0.1:${port}, because that port is taken or not allowed: free it or choose another.`,
    ),
  );
  taken.close();
  await expect(start({ args: ["-c", "no_such_setting=1"] })).rejects.toThrow(
    /^Postgres did not start on .*: FATAL: .*no_such_setting.*\.$/u,
  );
});

it("reports a damaged folder in one sentence", async () => {
  const first = await start();
  await first.close();
  rmSync(join(dataDir, "password"));
  await expect(start()).rejects.toThrow(/^Postgres did not start on .*ENOENT.*\.$/u);
});

it("names the folder that a user may not enter", async () => {
  const closed = tempDir();
  chmodSync(closed, 0o700);
  const launch = launchAs({ uid: 12_345, gid: 12_345 }, "/bin/sh", [], closed, "");
  await expect(launch).rejects.toThrow(
    new StartError(
      `Postgres cannot run as root, and user 12345 cannot enter ${closed}: allow it (chmod o+x ${closed}), or set DATABASE_URL.`,
    ),
  );
});
