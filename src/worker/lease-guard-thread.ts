/** What runs inside the thread of the lease guard. */
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

/** The main thread writes the log elsewhere; while it is blocked, it cannot. Where the reader of the output stands still, the line is dropped. */
const output = {
  write: (line: string): void => {
    try {
      writeSync(1, line);
    } catch {
      // a full pipe, or none: the log is not worth more than the leases
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
  end: () => process.kill(process.pid, "SIGKILL"), // process.exit would end this thread alone, and other signals wait for the main one
});
for (;;) await sleep(watch.look());
