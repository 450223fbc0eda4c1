/**
 * The end of the process. `process.exit` waits for threads: for a worker thread in native code, and for a thread of libuv that a read of a
 * dead network folder, a look-up at a silent name server or a write to a pipe that nobody reads holds up. None of them has a time limit, and
 * no code of this process runs meanwhile, so a small process beside it keeps the time.
 */
import { spawn } from "node:child_process";

/** An orderly exit takes some milliseconds, and a large heap some more. */
const EXIT_WITHIN_MS = 2_000;

/**
 * From the end of its standard input on, which comes when the process that started it is gone, it kills nobody: process ids are used again.
 * $1: seconds, $2: the process. It ends its own group, its `sleep` included.
 */
const WATCH = 'trap "" TERM INT HUP; { sleep "$1"; kill -s KILL "$2"; } & read -r _; kill -s KILL 0';

/** Kills this process after so many milliseconds, even while its event loop is blocked. Process 1 of a container cannot be killed from within. */
export function killAfter(ms: number): void {
  try {
    const watch = spawn("/bin/sh", ["-c", WATCH, "taskflow-exit-watch", String(ms / 1_000), String(process.pid)], {
      detached: true, // Ctrl-C in the terminal is not for it
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
    });
    watch.on("error", () => undefined); // no shell or no process to be had: then whoever watches over this process has the last word
    watch.stdin.on("error", () => undefined);
    watch.unref();
    (watch.stdin as unknown as { unref?: () => void }).unref?.();
  } catch {
    // as above
  }
}

/** Ends the process with a code. One that its threads hold up is killed. */
export function exitProcess(code: number, withinMs = EXIT_WITHIN_MS): void {
  killAfter(withinMs);
  process.exit(code);
}
