/**
 * Processes that pool threads ask for, beside them. The main thread starts them, because a process that a thread has
 * started is reaped by nobody once the thread is terminated, and kills them with their thread. What thread and
 * process say to each other goes through a socket of their own, which ends with either; nothing of it passes here.
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

/** A report of V8's, some times over. */
const MAX_ERROR_BYTES = 64 * 1024;

const UNCONFINED: Confinement = { prefix: [], lacks: [] };

export interface ChildProcessesOptions {
  /** Is given, once, what the machine does not allow of a confinement; nothing where it allows all. */
  readonly onConfined?: (lacks: readonly string[]) => void;
}

interface Running {
  /** The thread that asked. */
  readonly thread: number;
  /** Whether it has told that it works. */
  isReady: boolean;
}

export class ChildProcesses {
  readonly #running = new Map<ChildProcess, Running>();
  readonly #onConfined: (lacks: readonly string[]) => void;
  /** Those that are not known to fail here; the first one is tried, and is the only one once it has worked. */
  #ways = confinements(process.getuid?.() === 0);
  #isKnown = false;
  #isClosed = false;

  constructor({ onConfined = () => undefined }: ChildProcessesOptions = {}) {
    this.#onConfined = onConfined;
  }

  /** Starts a process for a thread. One that cannot be started is seen there: nobody connects. */
  start(thread: number, request: ProcessRequest): void {
    if (this.#isClosed) return;
    const way = request.isConfined === true ? (this.#ways[0] ?? UNCONFINED) : UNCONFINED;
    const child = begin(request, way);
    const running = { thread, isReady: false };
    this.#running.set(child, running);
    child.stdout?.once("data", () => {
      running.isReady = true;
      child.stdout?.destroy(); // that was all
      this.#worked(way);
    });
    passOn(child, () => running.isReady || way === UNCONFINED);
    child.once("error", () => undefined); // it closes as well
    child.once("close", (code) => {
      this.#running.delete(child);
      // By itself, and before anything was sent to it: whoever sends images cannot bring this about.
      if (way !== UNCONFINED && !running.isReady && code !== null && this.#failed(way)) this.start(thread, request);
      else rm(dirname(request.socketPath), { recursive: true, force: true }).catch(() => undefined); // left by a thread that was terminated before it could
    });
  }

  #worked(way: Confinement): void {
    if (this.#isKnown) return;
    this.#isKnown = true;
    this.#ways = [way];
    this.#onConfined(way.lacks);
  }

  /** @returns whether there is another way to try */
  #failed(way: Confinement): boolean {
    if (this.#isKnown) return this.#ways[0] !== way;
    if (this.#ways[0] === way) this.#ways = this.#ways.slice(1);
    return this.#ways.length > 0;
  }

  /** Kills the processes of a thread, whatever they do. */
  kill(thread: number): void {
    for (const [child, running] of this.#running) if (running.thread === thread) child.kill("SIGKILL");
  }

  /** Kills all, and resolves when they are gone. */
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
    // glibc keeps an arena for each thread and hands little back; libuv's one thread is as much as one task needs
    env: { MALLOC_ARENA_MAX: "2", ...plainEnvironment(), UV_THREADPOOL_SIZE: "1" },
    cwd: "/", // not where the replica's data may be
    stdio: isConfined ? ["ignore", "pipe", "pipe"] : ["ignore", "ignore", "pipe"],
    detached: true, // Ctrl-C means the replica, which drains
    ...(isSpawnedAs && { uid, gid: uid }),
  });
  child.unref();
  for (const pipe of [child.stdout, child.stderr] as (Socket | null)[]) pipe?.unref();
  return child;
}

/** Passes on the beginning of what it writes to its standard error, once that is its own: before, it tells why a way is not allowed here. */
function passOn(child: ChildProcess, isItsOwn: () => boolean): void {
  let bytes = 0;
  child.stderr?.on("data", (text: Buffer) => {
    if (isItsOwn()) process.stderr.write(text);
    bytes += text.length;
    if (bytes > MAX_ERROR_BYTES) child.stderr?.destroy();
  });
}

/** Only who owns the socket and its folder can connect. */
function giveSocket(socketPath: string, uid: number): void {
  try {
    for (const path of [dirname(socketPath), socketPath]) chownSync(path, uid, uid);
  } catch {
    // the thread has gone meanwhile, and the folder with it; or this may not be done here, and the process cannot connect
  }
}
