// A replica imports this file first: it limits the memory as a container does, if it can create a control group.
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMainThread } from "node:worker_threads";

/**
 * Version 1 has a separate hierarchy for memory; version 2 has one for all controllers, and the parent must delegate
 * them.
 */
const VERSIONS = [
  { root: "/sys/fs/cgroup/memory", marker: "memory.oom_control", limit: "memory.limit_in_bytes" },
  { root: "/sys/fs/cgroup", marker: "cgroup.controllers", limit: "memory.max" },
];

function enterGroup(bytes) {
  const version = VERSIONS.find(({ root, marker }) => existsSync(join(root, marker)));
  if (version === undefined) return;
  const group = join(version.root, `taskflow-chaos-${process.pid}`);
  try {
    mkdirSync(group);
    writeFileSync(join(group, version.limit), bytes);
    writeFileSync(join(group, "cgroup.procs"), String(process.pid));
  } catch {
    // not root, a read-only mount, or a controller that was not delegated: then only the heap is limited
    if (existsSync(group)) rmdirSync(group);
  }
}

if (isMainThread) enterGroup(process.env.CHAOS_MEMORY_BYTES);
