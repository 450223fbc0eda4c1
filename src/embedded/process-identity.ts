/**
 * Identifies a process by more than its pid, because another process may get the same pid later: after a reboot, or in
 * a container, whose pids start from 1 each time.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A string that no other process with this pid ever has; undefined if no process has this pid. */
export function identityOf(pid: number, platform: NodeJS.Platform = process.platform): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return platform === "linux" ? linuxIdentity(pid) : psIdentity(pid);
}

function linuxIdentity(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined; // no such process
  }
  // The name may contain spaces and brackets, so count from the last bracket: state is field 3, start time field 22
  // (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // a zombie: it exited, but its parent has not waited for it yet
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}/${fields[19] ?? ""}`;
}

function psIdentity(pid: number): string | undefined {
  try {
    const line = execFileSync("ps", ["-o", "state=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
    return line.startsWith("Z") ? undefined : line.replace(/^\S+\s+/u, "");
  } catch {
    return undefined; // ps exits with 1 if no process has this pid
  }
}

/** Writes the line of a pid file that identifies a process. */
export function writeIdentity(pid: number): string {
  return JSON.stringify({ pid, mark: identityOf(pid) });
}

/** Parses a {@link writeIdentity} line; `lives` if the same process still has the pid. */
export function readIdentity(text: string): { readonly pid: number; readonly lives: boolean } | undefined {
  try {
    const { pid, mark } = JSON.parse(text) as { pid?: unknown; mark?: unknown };
    return typeof pid === "number" ? { pid, lives: typeof mark === "string" && identityOf(pid) === mark } : undefined;
  } catch {
    return undefined; // incomplete, because its writer was killed
  }
}
