/**
 * The end of the process. `process.exit` waits for threads: a worker thread in native code, or a thread of libuv that
 * is blocked by a dead network folder, a silent name server or a pipe that nobody reads. None of these has a time
 * limit, and no code of this process runs meanwhile, so a small helper process enforces the limit.
 */
import { spawn } from "node:child_process";

/** An orderly exit takes some milliseconds, and somewhat longer with a large heap. */
const EXIT_WITHIN_MS = 2_000;

/**
 * Once its standard input ends, because the process that started it is gone, it kills nothing: process ids are reused.
 * $1: seconds, $2: the process. It ends its own group, its `sleep` included.
 */
const WATCH = 'trap "" TERM INT HUP; { sleep "$1"; kill -s KILL "$2"; } & read -r _; kill -s KILL 0';

/**
 * Kills this process after so many milliseconds, even while its event loop is blocked. Process 1 of a container cannot
 * be killed from within.
 */
export function killAfter(ms: number): void {
  try {
    const watch = spawn("/bin/sh", ["-c", WATCH, "taskflow-exit-watch", String(ms / 1_000), String(process.pid)], {
      detached: true, // Ctrl-C in the terminal is not for it
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
    });
    // no shell or no process available: then the supervisor of this process has to end it
    watch.on("error", () => undefined);
    watch.stdin.on("error", () => undefined);
    watch.unref();
    (watch.stdin as unknown as { unref?: () => void }).unref?.();
  } catch {
    // as above
  }
}

/** Ends the process with a code. If its threads hold that up, it is killed. */
export function exitProcess(code: number, withinMs = EXIT_WITHIN_MS): void {
  killAfter(withinMs);
  process.exit(code);
}
