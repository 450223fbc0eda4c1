/**
 * Processes that pool threads ask for, beside them. The main thread starts them, because a process that a thread has
 * started is reaped by nobody once the thread is terminated, and kills them with their thread. What thread and
 * process say to each other goes through a socket of their own, which ends with either; nothing of it passes here.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProcessRequest } from "../core/job-type.ts";

/** What a process gets of the environment: what a library or an allocator is set up by, and none of the secrets. */
const ENVIRONMENT = /^(PATH|LANG|LC_\w+|TZ|TMPDIR|LD_\w+|MALLOC_\w+|VIPS_\w+|NODE_EXTRA_CA_CERTS)$/;

export class ChildProcesses {
  /** By the thread that asked. */
  readonly #running = new Map<ChildProcess, number>();
  #isClosed = false;

  /** Starts a process for a thread. One that cannot be started is seen there: nobody connects. */
  start(thread: number, { module, socketPath }: ProcessRequest): void {
    if (this.#isClosed) return;
    const given = Object.fromEntries(Object.entries(process.env).filter(([name]) => ENVIRONMENT.test(name)));
    const child = spawn(process.execPath, [fileURLToPath(module), socketPath], {
      // glibc keeps an arena for each thread and hands little back; libuv's one thread is as much as one task needs
      env: { MALLOC_ARENA_MAX: "2", ...given, UV_THREADPOOL_SIZE: "1" },
      stdio: ["ignore", "ignore", "inherit"],
      detached: true, // Ctrl-C means the replica, which drains
    });
    this.#running.set(child, thread);
    const gone = (): void => {
      this.#running.delete(child);
      rm(dirname(socketPath), { recursive: true, force: true }).catch(() => undefined); // left by a thread that was terminated before it could
    };
    child.once("exit", gone).once("error", gone);
    child.unref();
  }

  /** Kills the processes of a thread, whatever they do. */
  kill(thread: number): void {
    for (const [child, owner] of this.#running) if (owner === thread) child.kill("SIGKILL");
  }

  /** Kills all, and resolves when they are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const ends = [...this.#running.keys()].map(async (child) => {
      child.ref();
      child.kill("SIGKILL");
      await once(child, "exit");
    });
    await Promise.all(ends);
  }
}
