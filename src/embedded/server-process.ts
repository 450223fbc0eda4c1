/**
 * Runs a database server as a child of this program.
 *
 *   start: an orphan of an earlier, killed parent on the same folder is stopped → spawn → ready (or StartError)
 *   close: stop signal → gone; SIGKILL when it does not go
 *
 * The server has its own session: Ctrl-C in the terminal reaches only the program, which drains first and then closes
 * the server. If the program exits without closing the server, it sends the stop signal. The server writes to
 * `server.log` in its folder, because a pipe would break when the parent is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { plainEnvironment } from "../config/plain-environment.ts";
import { messageOf, StartError } from "../errors.ts";
import { readIdentity, writeIdentity } from "./process-identity.ts";

export interface ServerSpec {
  /** The server's name in errors: "Redis". */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The folder of `server.pid`, `server.log` and the server's data. */
  readonly dataDir: string;
  /** The working directory; `dataDir` by default. */
  readonly workDir?: string;
  /** By default an environment without settings. */
  readonly env?: NodeJS.ProcessEnv;
  /** The standard input, for secrets, because `ps` shows arguments to every user. */
  readonly input?: string;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** The signal on which the server saves its data and exits. */
  readonly stopSignal: NodeJS.Signals;
  /** How long the server may take to exit before it is killed. */
  readonly stopWithinMs: number;
  /** Called after an orphan has exited and before the server starts. An error fails the start. */
  readonly beforeSpawn?: () => Promise<void>;
  /** Whether the server is ready. An error means that it is not ready yet. */
  readonly isReady: () => Promise<boolean>;
  readonly readyWithinMs: number;
}

const POLL_MS = 20;

export class ServerProcess {
  readonly #spec: ServerSpec;
  readonly #child: ChildProcess;
  readonly #stopOnExit = (): void => this.signal(this.#spec.stopSignal);
  #spawnError: Error | undefined;
  #closing: Promise<void> | undefined;

  private constructor(spec: ServerSpec) {
    this.#spec = spec;
    const log = openSync(join(spec.dataDir, "server.log"), "w", 0o600);
    const { command, args, workDir = spec.dataDir, env = plainEnvironment(), input, user } = spec;
    const umask = process.umask(0o077); // only the server's user may read its files; the child inherits the mask
    try {
      this.#child = spawn(command, args, {
        cwd: workDir,
        env,
        detached: true,
        stdio: [input === undefined ? "ignore" : "pipe", log, log],
        ...user,
      });
    } finally {
      process.umask(umask);
      closeSync(log);
    }
    this.#child.on("error", (error) => (this.#spawnError = error));
    this.#child.stdin?.on("error", () => undefined).end(input); // the exit of the server reports its failure
    if (this.#child.pid !== undefined) writeFileSync(pidFile(spec.dataDir), writeIdentity(this.#child.pid));
    for (const file of [pidFile(spec.dataDir), join(spec.dataDir, "server.log")])
      if (existsSync(file)) chmodSync(file, 0o600); // the log and the pid file of earlier versions, too
    this.#child.unref();
    process.once("exit", this.#stopOnExit);
  }

  /**
   * Starts the server and waits until it is ready.
   * @throws StartError in one sentence, with a line of its log.
   */
  static async start(spec: ServerSpec): Promise<ServerProcess> {
    await stopOrphan(spec);
    await spec.beforeSpawn?.();
    const server = new ServerProcess(spec);
    try {
      await server.#untilReady();
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0; // a started server has a pid
  }

  get isRunning(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends a signal if the server still runs. */
  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#child.kill(signal);
  }

  /** Stops the server, which saves its data, and waits until it has exited. */
  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #gone(withinMs: number): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while (this.isRunning && performance.now() < deadline) await delay(POLL_MS);
    return !this.isRunning;
  }

  async #stop(): Promise<void> {
    const { stopSignal, stopWithinMs } = this.#spec;
    this.signal(stopSignal);
    if (!(await this.#gone(stopWithinMs))) {
      this.signal("SIGKILL");
      await this.#gone(stopWithinMs);
    }
    process.off("exit", this.#stopOnExit);
  }

  async #untilReady(): Promise<void> {
    const { name, dataDir, isReady, readyWithinMs } = this.#spec;
    const deadline = performance.now() + readyWithinMs;
    await delay(0); // spawn reports a missing program in the next turn of the event loop
    while (performance.now() < deadline) {
      if (this.#spawnError)
        throw new StartError(`${name} could not be started: ${messageOf(this.#spawnError)}.`, this.#spawnError);
      if (!this.isRunning) throw new StartError(`${name} did not start on ${dataDir}: ${reasonInLog(dataDir)}.`);
      if (await isReady().catch(() => false)) return;
      await delay(POLL_MS);
    }
    throw new StartError(
      `${name} on ${dataDir} was not ready within ${readyWithinMs / 1_000} s: ${reasonInLog(dataDir)}.`,
    );
  }
}

const pidFile = (dataDir: string): string => join(dataDir, "server.pid");

/** Finds the process that was last started on a data folder. */
export function lastServer(dataDir: string): { readonly pid: number; readonly lives: boolean } | undefined {
  return existsSync(pidFile(dataDir)) ? readIdentity(readFileSync(pidFile(dataDir), "utf8")) : undefined;
}

async function stopOrphan({ name, dataDir, stopSignal, stopWithinMs }: ServerSpec): Promise<void> {
  const signals: NodeJS.Signals[] = [stopSignal, "SIGKILL"];
  for (const signal of signals) {
    const orphan = lastServer(dataDir);
    if (!orphan?.lives) return;
    process.kill(orphan.pid, signal);
    process.kill(orphan.pid, "SIGCONT"); // a stopped process could not handle the signal
    const deadline = performance.now() + stopWithinMs;
    while (lastServer(dataDir)?.lives && performance.now() < deadline) await delay(POLL_MS);
  }
  if (lastServer(dataDir)?.lives)
    throw new StartError(`An earlier ${name} on ${dataDir} does not stop: end it yourself.`);
}

/**
 * The line of the log that best explains a failed start: the last line with a word for an error, else the last line.
 */
function reasonInLog(dataDir: string): string {
  const lines = readFileSync(join(dataDir, "server.log"), "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const line =
    lines.findLast((each) => /fatal|panic|error|can't|could not|cannot/iu.test(each)) ??
    lines.at(-1) ??
    "it exited without output";
  return line.replace(/[.\s]+$/u, "");
}
