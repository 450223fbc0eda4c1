/** Limits the memory of a process from outside, as a container does, where this machine lets the harness make control groups. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Version 1 has a hierarchy for memory; version 2 one for all, in which the parent must pass the controller on. */
const VERSIONS = [
  { root: "/sys/fs/cgroup/memory", marker: "memory.oom_control", limit: "memory.limit_in_bytes", kills: "memory.oom_control" },
  { root: "/sys/fs/cgroup", marker: "cgroup.controllers", limit: "memory.max", kills: "memory.events" },
] as const;

export interface MemoryLimit {
  /** How often the kernel has killed a process of the group for want of memory. */
  kills(): number;
}

/**
 * Moves a process, with its threads, into a group of its own with this limit. Page cache counts, too, and is given back under pressure.
 * The group is removed when the harness ends: its process has ended by then.
 * @returns undefined where this machine does not let us
 */
export function limitMemory(pid: number, bytes: number): MemoryLimit | undefined {
  const version = VERSIONS.find(({ root, marker }) => existsSync(join(root, marker)));
  if (version === undefined) return undefined;
  const group = join(version.root, `taskflow-chaos-${pid}`);
  try {
    mkdirSync(group);
    writeFileSync(join(group, version.limit), String(bytes));
    writeFileSync(join(group, "cgroup.procs"), String(pid));
  } catch {
    remove(group);
    return undefined; // not root, a read-only mount, or a controller that was not passed on
  }
  process.once("exit", () => remove(group));
  return {
    kills: () => Number(/^oom_kill (\d+)/m.exec(readFileSync(join(group, version.kills), "utf8"))?.[1] ?? 0),
  };
}

function remove(group: string): void {
  try {
    rmdirSync(group);
  } catch {
    // a process in it is still ending: an empty group costs nothing
  }
}
