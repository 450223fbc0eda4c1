/**
 * Processes that pool threads request. The main thread starts them, because nothing reaps a thread's child processes
 * once the thread is terminated, and kills them together with their thread. Thread and process communicate directly,
 * through a socket that closes with either.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { plainEnvironment } from "../config/plain-environment.ts";
import type { ProcessRequest } from "../core/job-type.ts";
import { type Confinement, confinements } from "./confinement.ts";

/** Several times the length of a crash report of V8. */
const MAX_ERROR_BYTES = 64 * 1024;

const UNCONFINED: Confinement = { prefix: [], lacks: [] };

export interface ChildProcessesOptions {
  /** Called once, with the confinements that this machine does not allow; with none if it allows all. */
  readonly onConfined?: (lacks: readonly string[]) => void;
}

interface Running {
  /** The requesting thread. */
  readonly thread: number;
  /** Whether the process has reported that it works. */
  isReady: boolean;
}

export class ChildProcesses {
  readonly #running = new Map<ChildProcess, Running>();
  readonly #onConfined: (lacks: readonly string[]) => void;
  /**
   * The confinements that have not failed on this machine: the first is tried next; after it has worked, it is the only
   * one.
   */
  #ways = confinements({ isRoot: process.getuid?.() === 0 });
  #isKnown = false;
  #isClosed = false;

  constructor({ onConfined = () => undefined }: ChildProcessesOptions = {}) {
    this.#onConfined = onConfined;
  }

  /** Starts a process for a thread. If that fails, the thread notices, since no process connects to its socket. */
  start(thread: number, request: ProcessRequest): void {
    if (this.#isClosed) return;
    const way = request.isConfined === true ? (this.#ways[0] ?? UNCONFINED) : UNCONFINED;
    const child = begin(request, way);
    const running = { thread, isReady: false };
    this.#running.set(child, running);
    child.stdout?.once("data", () => {
      running.isReady = true;
      child.stdout?.destroy(); // it writes no more than this
      this.#worked(way);
    });
    passOn(child, () => running.isReady || way === UNCONFINED);
    child.once("error", () => undefined); // a close event follows
    child.once("close", (code) => {
      this.#running.delete(child);
      // The process exited before it got any data, so no image can cause this.
      if (way !== UNCONFINED && !running.isReady && code !== null && this.#failed(way)) this.start(thread, request);
      // a terminated thread could not remove it
      else rm(dirname(request.socketPath), { recursive: true, force: true }).catch(() => undefined);
    });
  }

  #worked(way: Confinement): void {
    if (this.#isKnown) return;
    this.#isKnown = true;
    this.#ways = [way];
    this.#onConfined(way.lacks);
  }

  /** @returns whether another confinement is left to try */
  #failed(way: Confinement): boolean {
    if (this.#isKnown) return this.#ways[0] !== way;
    if (this.#ways[0] === way) this.#ways = this.#ways.slice(1);
    return this.#ways.length > 0;
  }

  /** Kills the processes of a thread, even busy ones. */
  kill(thread: number): void {
    for (const [child, running] of this.#running) if (running.thread === thread) child.kill("SIGKILL");
  }

  /** Kills all processes, and resolves when they have exited. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const ends = [...this.#running.keys()].map(async (child) => {
      child.ref();
      const closed = once(child, "close");
      child.kill("SIGKILL");
      await closed;
    });
    await Promise.all(ends);
  }
}

function begin(
  { module, socketPath, isConfined = false }: ProcessRequest,
  { prefix, uid, isSpawnedAs = false }: Confinement,
): ChildProcess {
  const [command, ...args] = [...prefix, process.execPath, fileURLToPath(module), socketPath];
  if (uid !== undefined) giveSocket(socketPath, uid);
  const child = spawn(command, args, {
    // glibc keeps an arena for each thread and returns little of it; one libuv thread is enough for one task
    env: { MALLOC_ARENA_MAX: "2", ...plainEnvironment(), UV_THREADPOOL_SIZE: "1" },
    cwd: "/", // not where the replica's data may be
    stdio: isConfined ? ["ignore", "pipe", "pipe"] : ["ignore", "ignore", "pipe"],
    detached: true, // Ctrl-C must reach only the replica, which drains
    ...(isSpawnedAs && { uid, gid: uid }),
  });
  child.unref();
  for (const pipe of [child.stdout, child.stderr] as (Socket | null)[]) pipe?.unref();
  return child;
}

/**
 * Logs the start of a process's standard error, from the time its program runs; before, it has the reason why a
 * confinement is not allowed.
 */
function passOn(child: ChildProcess, isItsOwn: () => boolean): void {
  let bytes = 0;
  child.stderr?.on("data", (text: Buffer) => {
    if (isItsOwn()) process.stderr.write(text);
    bytes += text.length;
    if (bytes > MAX_ERROR_BYTES) child.stderr?.destroy();
  });
}

/** Only the owner of the socket and its folder can connect. */
function giveSocket(socketPath: string, uid: number): void {
  try {
    for (const path of [dirname(socketPath), socketPath]) chownSync(path, uid, uid);
  } catch {
    // the thread and its folder are gone; or chown is not permitted, and the process cannot connect
  }
}
