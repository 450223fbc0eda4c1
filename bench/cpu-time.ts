/** Reads the CPU time of processes, in milliseconds. Linux only. */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ, in which /proc counts CPU time, is 100 on every Linux that Node runs on (man 5 proc). */
const MS_A_TICK = 10;

/** The fields after the name in /proc/PID/stat: state, parent, … */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

export function parentOf(pid: number): number {
  return Number(statOf(pid)[1]);
}

/** The CPU time of all threads of a process; 0 if the process has ended. */
export function cpuMsOf(pid: number): number {
  try {
    const stat = statOf(pid);
    return (Number(stat[11]) + Number(stat[12])) * MS_A_TICK; // utime, stime
  } catch {
    return 0;
  }
}

/** CPU time of a process and its children. */
export function cpuMsOfFamily(pid: number): number {
  const isChild = (each: number): boolean => {
    try {
      return parentOf(each) === pid;
    } catch {
      return false; // it has ended
    }
  };
  const pids = readdirSync("/proc")
    .map(Number)
    .filter((each) => each > 0 && isChild(each));
  return [pid, ...pids].reduce((sum, each) => sum + cpuMsOf(each), 0);
}
