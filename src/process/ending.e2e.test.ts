/**
 * How a replica ends if its servers no longer answer: real processes, with a separate Redis and Postgres.
 */
import { execFileSync, spawn } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { NODE_OPTIONS } from "../../scripts/node-options.mjs";
import { codeOf } from "../errors.ts";
import { installation, launch } from "../testing/installation.ts";
import { testJobsDir } from "../testing/jobs-dir.ts";
import { call, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, ownPostgres, ownRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

const TIMEOUT_MS = 120_000;
/** DRAIN_MS of 0, the grace of 15 s, and what a loaded machine adds. */
const ENDS_WITHIN_MS = 30_000;
const BUILT = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

describe.concurrent("a SIGTERM", { timeout: TIMEOUT_MS }, () => {
  it("ends a replica whose Redis and Postgres are frozen, with callers that wait and follow", async () => {
    const [redis, postgres] = await Promise.all([ownRedis(), ownPostgres()]);
    const env = {
      REDIS_ADDR: redis.address,
      DATABASE_URL: postgres.address,
      SMTP_URL: "smtp://127.0.0.1:1",
      DRAIN_MS: "0",
      WORKER_COUNT: "1",
      TASKFLOW_JOBS: testJobsDir,
    };
    const program = await launch(tempDir(), env).ready();
    const id = await submit(program, "noop", {}, { delay_ms: 600_000 });
    const stream = await fetch(`${program.url}/api/v1/events`, { headers: { accept: "text/event-stream" } });
    const waiter = fetch(`${program.url}/api/v1/jobs/${id}?wait=60`).catch(() => undefined);
    redis.pause();
    postgres.pause();
    const startedAt = performance.now();
    program.signal("SIGTERM");
    await program.ended;
    expect(performance.now() - startedAt).toBeLessThan(ENDS_WITHIN_MS);
    await stream.body?.cancel().catch(() => undefined);
    await waiter;
  });

  it("ends a replica whose log has no reader", async () => {
    const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
    const folder = tempDir();
    const log = fullPipe(join(folder, "log"));
    const env = {
      PATH: process.env.PATH,
      REDIS_ADDR: redis.address,
      DATABASE_URL: database.url,
      SMTP_URL: "smtp://127.0.0.1:1",
      SERVER_ADDR: "127.0.0.1:0",
      DRAIN_MS: "0",
    };
    const child = spawn(process.execPath, [...NODE_OPTIONS, BUILT], {
      cwd: folder,
      env,
      stdio: ["ignore", log, "pipe"],
    });
    const ended = new Promise((resolve) => {
      child.once("exit", resolve);
    });
    let output = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    await until(() => output.includes(" serves on "), { what: "it serves", timeoutMs: TIMEOUT_MS });
    const startedAt = performance.now();
    child.kill("SIGTERM");
    await ended;
    closeSync(log);
    expect(performance.now() - startedAt).toBeLessThan(ENDS_WITHIN_MS);
  });

  it("with SHUTDOWN_DELAY_MS leaves it serving, as live but not ready, and then ends it in order", async () => {
    const { start } = await installation();
    const program = await start({ SHUTDOWN_DELAY_MS: "3000" }).ready();
    program.signal("SIGTERM");
    const isReady = async (): Promise<number> => (await call(program, "GET", "/api/v1/health/ready")).status;
    await until(async () => (await isReady()) === 503, { what: "it is not ready" });
    expect((await call(program, "GET", "/api/v1/health/live")).status).toBe(200);
    expect((await call(program, "POST", "/api/v1/jobs", { type: "noop", payload: {} })).status).toBe(202);
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(
      program
        .lines()
        .map(({ msg }) => msg)
        .slice(-3),
    ).toEqual(["not ready any more, and serving until load balancers have noticed", "draining", "stopped"]);
  });
});

/** A pipe that takes no more byte, open for reading too, so that writers wait. */
function fullPipe(path: string): number {
  execFileSync("mkfifo", [path]);
  const probe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const pipe = openSync(path, constants.O_RDWR);
  for (const size of [4_096, 1]) {
    try {
      for (;;) writeSync(probe, Buffer.alloc(size, "\n"));
    } catch (error) {
      if (codeOf(error) !== "EAGAIN") throw error;
    }
  }
  closeSync(probe);
  return pipe;
}
