/** Runs one process of a competitor. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { cpuMsOf } from "./cpu-time.ts";

export interface Program {
  readonly pid: number;
  /** The output so far. */
  output(): string;
  /** Resolves to the first match in the output. @throws {Error} if the process ends before a match */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** Writes to the standard input. */
  write(text: string): void;
  /** The CPU time of all threads so far, in milliseconds. Linux only. */
  cpuMs(): number;
  /** Resolves when the process has hardly used the CPU for a moment, or does not stop using it. Linux only. */
  idle(): Promise<void>;
  /** Resident memory in bytes. Linux only. */
  residentBytes(): number;
  /**
   * Stops the process and waits until it has ended: `drained` by SIGTERM, with SIGKILL after 20 s; `killed` by SIGKILL
   * immediately.
   */
  stop(how: "drained" | "killed"): Promise<void>;
}

const DRAIN_WITHIN_MS = 20_000;
const PRINTS_WITHIN_MS = 60_000;
/** A process is idle if it uses less CPU than this in such a time: a replica without jobs uses 3 ms. */
const IDLE_CPU_MS = 30;
const IDLE_FOR_MS = 500;
/** A competitor that works without jobs is measured nevertheless. */
const IDLE_WITHIN_MS = 10_000;

export function startProgram(args: readonly string[], env: Readonly<Record<string, string>>): Program {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  }); // Ctrl-C reaches only this process, which stops the child
  const pid = child.pid ?? 0;
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const exited = new Promise<void>((resolve, reject) => child.once("exit", () => resolve()).once("error", reject));
  return {
    pid,
    output: () => output,
    printed: async (pattern) => {
      const deadline = performance.now() + PRINTS_WITHIN_MS;
      while (child.exitCode === null && performance.now() < deadline) {
        const match = pattern.exec(output);
        if (match) return match;
        await delay(10);
      }
      throw new Error(`${args.join(" ")} did not print ${String(pattern)}, but\n${output.slice(-2_000)}`);
    },
    write: (text) => child.stdin.write(text),
    cpuMs: () => cpuMsOf(pid),
    idle: async () => {
      const deadline = performance.now() + IDLE_WITHIN_MS;
      for (let usedMs = Number.POSITIVE_INFINITY; usedMs > IDLE_CPU_MS && performance.now() < deadline; ) {
        const before = cpuMsOf(pid);
        await delay(IDLE_FOR_MS);
        usedMs = cpuMsOf(pid) - before;
      }
    },
    residentBytes: () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1_024,
    stop: async (how) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(how === "drained" ? "SIGTERM" : "SIGKILL");
      const kill = setTimeout(() => child.kill("SIGKILL"), DRAIN_WITHIN_MS);
      await exited;
      clearTimeout(kill);
    },
  };
}
