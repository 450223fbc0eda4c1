/** The code of the lease guard's thread. */
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { workerData } from "node:worker_threads";
import { printWarnings } from "../observability/console-output.ts";
import { createLog } from "../observability/log.ts";
import { ReplicaLeases } from "../queue/replica-leases.ts";
import { Beat } from "./beat.ts";
import { BlockWatch } from "./block-watch.ts";
import type { GuardData } from "./lease-guard.ts";
import { askMainThread } from "./main-thread.ts";

printWarnings();
const { url, namespace, replica, leaseMs, logLevel, beat, longestBlockMs, question } = workerData as GuardData;

/**
 * Logs to standard output directly: the main thread's log cannot be used while it is blocked. If the reader of the
 * output does not read, the line is dropped.
 */
const output = {
  write: (line: string): void => {
    try {
      writeSync(1, line);
    } catch {
      // the pipe is full or closed: the log is less important than the leases
    }
  },
};

const watch = new BlockWatch({
  leases: new ReplicaLeases({ url, namespace, replica, leaseMs }),
  leaseMs,
  beat: new Beat(beat),
  log: createLog({ level: logLevel, replica, destination: output }),
  longestBlockMs,
  findBlocker: () => askMainThread(question),
  // process.exit would end this thread only, and other signals wait for the main thread
  end: () => process.kill(process.pid, "SIGKILL"),
});
for (;;) await sleep(watch.look());
