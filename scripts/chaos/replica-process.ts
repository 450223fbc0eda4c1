/** Runs one replica as a process of the built program, which scenarios kill, freeze or stop. */

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { isReady } from "../loadtest/server.ts";
import { MALLOC_MMAP_THRESHOLD, NODE_OPTIONS } from "../node-options.mjs";

const READY_WITHIN_MS = 60_000;
const LOG_TAIL_LINES = 12;

export interface ReplicaProcessOptions {
  readonly main: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  /** The file to which the output is appended. */
  readonly logPath: string;
  /** Arguments of Node itself. */
  readonly nodeArgs?: readonly string[];
}

export class ReplicaProcess {
  readonly url: string;
  /** The exit code; null if a signal ended it. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #logPath: string;
  readonly #logStart: number;
  #id = "";
  #isEnding = false;

  private constructor({ main, port, env, logPath, nodeArgs = [] }: ReplicaProcessOptions) {
    const log = openSync(logPath, "a");
    this.#logPath = logPath;
    this.#logStart = readFileSync(logPath).length;
    this.url = `http://127.0.0.1:${port}`;
    const environment = {
      PATH: process.env["PATH"] ?? "",
      MALLOC_MMAP_THRESHOLD_: MALLOC_MMAP_THRESHOLD,
      ...env,
      SERVER_ADDR: `127.0.0.1:${port}`,
    };
    this.#child = spawn(process.execPath, [...NODE_OPTIONS, ...nodeArgs, main], {
      env: environment,
      stdio: ["ignore", log, log],
      detached: true,
    });
    closeSync(log);
    this.exited = new Promise((resolve, reject) => this.#child.once("exit", resolve).once("error", reject));
  }

  /** @throws {Error} with the end of its log, if it ends or is not ready in time */
  static async start(options: ReplicaProcessOptions): Promise<ReplicaProcess> {
    const replica = new ReplicaProcess(options);
    const deadline = performance.now() + READY_WITHIN_MS;
    while (replica.isAlive && performance.now() < deadline) {
      if (await isReady(replica.url)) {
        replica.#id = /"replica":"(\w{8})"/.exec(replica.log())?.[1] ?? "";
        return replica;
      }
      await delay(30);
    }
    await replica.kill();
    throw new Error(`a replica did not become ready: ${replica.logTail()}`);
  }

  /** The replica id of this start, eight characters. */
  get id(): string {
    return this.#id;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Whether the process ended without a request to stop. */
  get endedByItself(): boolean {
    return !this.isAlive && !this.#isEnding;
  }

  async kill(): Promise<void> {
    this.#isEnding = true;
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  /** Sends SIGTERM. Resolves to the exit code. */
  term(): Promise<number | null> {
    this.#isEnding = true;
    this.#child.kill("SIGTERM");
    return this.exited;
  }

  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  resume(): void {
    this.#child.kill("SIGCONT");
  }

  /** The current resident memory. */
  rssBytes(): number {
    if (!this.isAlive) return 0;
    return 1_024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"))?.[1] ?? 0);
  }

  /** The output since this start. */
  log(): string {
    return readFileSync(this.#logPath).subarray(this.#logStart).toString();
  }

  logTail(): string {
    return this.log().trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
  }
}
