/** Reads the control group that a replica has entered (enter-group.mjs). */
import { existsSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

/** Files of control groups version 1 and version 2. */
const KILLS = ["/sys/fs/cgroup/memory/GROUP/memory.oom_control", "/sys/fs/cgroup/GROUP/memory.events"];

export interface MemoryLimit {
  /** The number of processes of the group that the kernel has killed for lack of memory. */
  kills(): number;
}

/**
 * The memory of a group includes page cache, which the kernel frees under pressure. The group is removed when the
 * harness ends, after its process.
 * @returns undefined if the replica could not make a group on this machine
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
    // a process in the group is still ending; an empty group costs nothing
  }
}
