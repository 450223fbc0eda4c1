/**
 * Ends the process within a time limit. `process.exit` waits for threads: a worker thread in native code, or a libuv
 * thread blocked by a dead network folder, a silent name server or a pipe without a reader. No code of this process
 * runs during this unlimited wait, so a small helper process enforces the limit.
 */
import { spawn } from "node:child_process";

/** An orderly exit takes some milliseconds, and somewhat longer with a large heap. */
const EXIT_WITHIN_MS = 2_000;

/**
 * When its standard input ends, the process that started it has exited, and the helper kills nothing, since process ids
 * are reused. $1: seconds, $2: the process. It ends its own group, its `sleep` included.
 */
const WATCH = 'trap "" TERM INT HUP; { sleep "$1"; kill -s KILL "$2"; } & read -r _; kill -s KILL 0';

/**
 * Kills this process after this many milliseconds, even while its event loop is blocked. Nothing inside a container can
 * kill its process 1.
 */
export function killAfter(ms: number): void {
  try {
    const watch = spawn("/bin/sh", ["-c", WATCH, "taskflow-exit-watch", String(ms / 1_000), String(process.pid)], {
      detached: true, // Ctrl-C in the terminal must not end it
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
    });
    // no shell or no process available: the supervisor of this process must end it
    watch.on("error", () => undefined);
    watch.stdin.on("error", () => undefined);
    watch.unref();
    (watch.stdin as unknown as { unref?: () => void }).unref?.();
  } catch {
    // as above
  }
}

/** Ends the process with a code, and kills it if its threads delay the exit. */
export function exitProcess(code: number, withinMs = EXIT_WITHIN_MS): void {
  killAfter(withinMs);
  process.exit(code);
}
