/** The Lua scripts: one file for each verb, read once at start. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { withConstants } from "./lua-constants.ts";

export interface Script {
  readonly name: string;
  readonly source: string;
  /** SHA-1 of the source, by which EVALSHA names a script. */
  readonly sha: string;
}

const read = (name: string): string => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), "utf8");

/**
 * Inserts the shared parts after the first line of a script, which contains its flags, and the values of constants.
 * @param shared files that the script has in common with others
 */
function load(
  name: string,
  ...shared: readonly (
    | "time"
    | "set-back"
    | "index"
    | "job"
    | "retries"
    | "announce"
    | "wake"
    | "callback"
    | "ready"
    | "new-job"
    | "next-job"
    | "lease"
    | "destination"
    | "flow-nodes"
    | "flow-release"
    | "flow"
    | "new-flow"
  )[]
): Script {
  const own = read(name);
  const bodyAt = own.indexOf("\n") + 1;
  const body = shared.map(read).join("") + own.slice(bodyAt);
  const source = own.slice(0, bodyAt) + withConstants(body);
  return { name, source, sha: createHash("sha1").update(source).digest("hex") };
}

const FLOW = ["flow-nodes", "flow-release", "flow"] as const;

export const scripts = {
  enqueue: load("enqueue", "time", "job", "announce", "wake", "ready", ...FLOW, "new-flow"),
  claim: load("claim", "time", "job", "retries", "announce", "wake"),
  renew: load("renew", "time", "set-back", "index", "job", "lease"),
  renewReplica: load("renew-replica", "time", "index", "job"),
  settle: load("settle", "time", "job", "retries", "announce", "wake", "callback", "ready", ...FLOW),
  forget: load("forget", "job"),
  cancel: load("cancel", "time", "job", "announce", "wake", "callback", "ready", ...FLOW),
  update: load("update", "time", "job", "announce", "wake", "ready"),
  erase: load("erase", "job"),
  sweep: load("sweep", "time", "set-back", "job"),
  pause: load("pause"),
  resume: load("resume"),
  position: load("position", "time", "job"),
  counts: load("counts", "time", "job", "next-job"),
  queueDetail: load("queue-detail", "time", "index", "job", "next-job"),
  inspect: load("inspect", "job"),
  find: load("find", "time", "index"),
  stateLengths: load("state-lengths"),
  starts: load("starts"),
  admit: load("admit", "time", "set-back", "destination"),
  report: load("report", "time", "set-back", "destination"),
  extend: load("extend", "time", "set-back", "destination"),
  destinations: load("destinations", "time", "set-back", "destination"),
  resetDestination: load("reset-destination", "time", "set-back", "destination"),
  progress: load("progress", "job", "lease", "announce"),
  save: load("save", "job", "lease"),
  limit: load("limit", "time"),
  watch: load("watch"),
  scheduleTake: load("schedule-take", "time", "job"),
  scheduleAdvance: load("schedule-advance", "time", "job", "announce", "wake", "ready", "new-job"),
  scheduleAcknowledge: load("schedule-acknowledge"),
  scheduleFire: load("schedule-fire", "time", "job", "announce", "wake", "ready", "new-job"),
  schedulePut: load("schedule-put"),
  scheduleRemove: load("schedule-remove"),
  flowRead: load("flow-read"),
  flowTake: load("flow-take", "time"),
  flowAdvance: load("flow-advance", "time", "job", "announce", "wake", "ready", ...FLOW),
  flowChange: load("flow-change", "time", "job", "announce", "wake", "ready", ...FLOW),
  flowForget: load("flow-forget"),
  flowOverdue: load("flow-overdue", "time"),
  flowOrphans: load("flow-orphans", "job"),
  flowCount: load("flow-count", "time", "job", "announce", "wake", "ready", ...FLOW),
  flowDiscard: load("flow-discard"),
  scheduleLoaded: load("schedule-loaded"),
  access: load("access"),
} as const;
