/** The control group that a replica has entered (enter-group.mjs), seen from outside. */
import { existsSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

/** Of version 1 and of version 2. */
const KILLS = ["/sys/fs/cgroup/memory/GROUP/memory.oom_control", "/sys/fs/cgroup/GROUP/memory.events"];

export interface MemoryLimit {
  /** How often the kernel has killed a process of the group for want of memory. */
  kills(): number;
}

/**
 * Page cache counts in such a group, too, and is given back under pressure. The group is removed when the harness ends: its process has ended by then.
 * @returns undefined where this machine did not let the replica make one
 */
export function memoryLimitOf(pid: number): MemoryLimit | undefined {
  const path = KILLS.map((file) => file.replace("GROUP", `taskflow-chaos-${pid}`)).find((file) => existsSync(file));
  if (path === undefined) return undefined;
  process.once("exit", () => remove(join(path, "..")));
  return { kills: () => Number(/^oom_kill (\d+)/m.exec(readFileSync(path, "utf8"))?.[1] ?? 0) };
}

function remove(group: string): void {
  try {
    rmdirSync(group);
  } catch {
    // a process in it is still ending: an empty group costs nothing
  }
}
