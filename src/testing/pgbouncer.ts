/** Starts a PgBouncer for one test in front of a Postgres: in transaction mode, otherwise with Debian's settings. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { freePort } from "../embedded/free-port.ts";
import { debianProgram } from "./debian-program.ts";
import { makeTempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

export interface PgBouncer {
  /** Returns a URL of this Postgres with the pooler's port. */
  readonly before: (url: string) => string;
  close(): Promise<void>;
}

/** The uid and gid of `nobody`: PgBouncer does not run as root. */
const NOBODY = 65_534;

/** @param poolSize the number of Postgres sessions per database */
export async function startPgBouncer(server: string, poolSize: number): Promise<PgBouncer> {
  const program = debianProgram("/usr/sbin/pgbouncer", "pgbouncer");
  const { hostname, port: serverPort, username, password } = new URL(server);
  const port = await freePort();
  const dir = makeTempDir();
  chmodSync(dir.path, 0o755);
  const config = join(dir.path, "pgbouncer.ini");
  writeFileSync(
    config,
    [
      ...["[databases]", `* = host=${hostname} port=${serverPort} user=${username} password=${password}`],
      ...[
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        `listen_port = ${port}`,
        "auth_type = any",
        "pool_mode = transaction",
        `default_pool_size = ${poolSize}`,
        "unix_socket_dir =",
      ],
    ].join("\n"),
    { mode: 0o644 },
  );
  const isRoot = process.getuid?.() === 0;
  const child = spawn(program, [config], { stdio: "ignore", cwd: "/", ...(isRoot && { uid: NOBODY, gid: NOBODY }) });
  const exited = once(child, "exit");
  const before = (url: string): string => Object.assign(new URL(url), { port: String(port) }).href;
  const answers = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`pgbouncer ended with ${child.exitCode}`);
    const client = new pg.Client({ connectionString: before(server) });
    client.on("error", () => undefined);
    const answered = await client.connect().then(
      () => true,
      () => false,
    );
    await client.end().catch(() => undefined);
    return answered;
  };
  await until(answers, { what: "PgBouncer answers" });
  return {
    before,
    close: async () => {
      child.kill("SIGKILL");
      await exited;
      dir.remove();
    },
  };
}
