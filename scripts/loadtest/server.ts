/** Starts the server under load with a separate Redis and Postgres, or connects to a running server. */

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../../src/embedded/free-port.ts";
import { startEmbedded } from "../../src/embedded/services.ts";
import { MALLOC_MMAP_THRESHOLD, NODE_OPTIONS, UV_THREADPOOL_SIZE } from "../node-options.mjs";

export interface Server {
  readonly url: string;
  readonly databaseUrl: string;
  /** Drains the server. Resolves to its exit code. */
  stop(): Promise<number | null>;
}

/** Undoes a step; closers run in reverse order. */
export type Closer = () => unknown;

const PROGRAM = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const READY_WITHIN_MS = 60_000;

/**
 * @param closers receives the functions that end the server and remove its data, even if this function throws
 * @throws {Error} with the end of the server's log, if the server does not become ready
 */
export async function startServer(smtpUrl: string, closers: Closer[]): Promise<Server> {
  const dataDir = mkdtempSync(join(tmpdir(), "taskflow-loadtest-"));
  closers.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const services = await startEmbedded({ dataDir, needs: { redis: true, postgres: true, mail: false } });
  closers.push(() => services.close());
  const { redisAddr = "", databaseUrl = "" } = services;
  const port = await freePort();
  const logPath = join(dataDir, "server.log");
  const { child, exited } = spawnServer(logPath, {
    ...process.env,
    SERVER_ADDR: `127.0.0.1:${port}`,
    REDIS_ADDR: redisAddr,
    DATABASE_URL: databaseUrl,
    SMTP_URL: smtpUrl,
    DATA_DIR: join(dataDir, "server"),
    ARTIFACTS_DIR: join(dataDir, "artifacts"),
    TASKFLOW_ROLE: "all",
    TASKFLOW_AUTH: "",
    WORKER_TYPES: "",
    OUTBOUND_ALLOW_PRIVATE: "true", // the webhook peer is on loopback
    LOG_LEVEL: process.env["LOG_LEVEL"] ?? "warn",
    UV_THREADPOOL_SIZE: process.env["UV_THREADPOOL_SIZE"] ?? UV_THREADPOOL_SIZE,
    MALLOC_MMAP_THRESHOLD_: process.env["MALLOC_MMAP_THRESHOLD_"] ?? MALLOC_MMAP_THRESHOLD,
  });
  const stop = (): Promise<number | null> => {
    child.kill("SIGTERM");
    return exited;
  };
  closers.push(stop);
  const url = `http://127.0.0.1:${port}`;
  await waitUntilReady(url, child, logPath);
  return { url, databaseUrl, stop };
}

function spawnServer(logPath: string, env: NodeJS.ProcessEnv): { child: ChildProcess; exited: Promise<number | null> } {
  const log = openSync(logPath, "w");
  const child = spawn(process.execPath, [...NODE_OPTIONS, PROGRAM], {
    env,
    stdio: ["ignore", log, log],
    detached: true,
  }); // Ctrl-C reaches only this process, which drains the server
  closeSync(log);
  const exited = new Promise<number | null>((resolve, reject) => child.once("exit", resolve).once("error", reject));
  return { child, exited };
}

async function waitUntilReady(url: string, child: ChildProcess, logPath: string): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (child.exitCode === null && performance.now() < deadline) {
    if (await isReady(url)) return;
    await delay(50);
  }
  const log = readFileSync(logPath, "utf8").trimEnd().split("\n").slice(-20).join("\n");
  throw new Error(`the server did not become ready; its log ends with\n${log}`);
}

/** Whether the server at a URL reports that it is ready. */
export async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/api/v1/health/ready`)).ok;
  } catch {
    return false; // nothing listens there yet
  }
}
