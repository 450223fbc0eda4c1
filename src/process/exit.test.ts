/**
 * The process really ends: real processes whose threads, or whose event loop, hold them up. `npm run build` makes what
 * they import.
 */
import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { tempDir } from "../testing/services.ts";

const EXIT = fileURLToPath(new URL("../../dist/process/exit.js", import.meta.url));

/**
 * A process that opens a named pipe which nobody writes to, by `open`, and then does `then`: at once, or when `open`
 * calls `opens`.
 */
function run(open: string, then: string) {
  const pipe = join(tempDir(), "pipe");
  execFileSync("mkfifo", [pipe]);
  const source = `
    import { readFile, readFileSync } from "node:fs";
    import { Worker } from "node:worker_threads";
    import { exitProcess, killAfter } from ${JSON.stringify(EXIT)};
    const pipe = ${JSON.stringify(pipe)};
    const opens = () => setTimeout(() => { ${then} }, 200);
    ${open}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: "inherit" });
  return new Promise<unknown>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
}

const WORKER = `
  const code = "import { parentPort } from 'node:worker_threads'; import { readFileSync } from 'node:fs'; parentPort.postMessage(0); readFileSync(" + JSON.stringify(pipe) + ")";
  new Worker(code, { eval: true }).once("message", opens);`;
const KILLED = { code: null, signal: "SIGKILL" };

describe.concurrent("an exit", () => {
  it("has its code if no thread delays it", async () => {
    expect(await run("opens()", "exitProcess(7)")).toEqual({ code: 7, signal: null });
  });

  it("is not delayed by a libuv thread", async () => {
    expect(await run("readFile(pipe, () => undefined); opens()", "exitProcess(7, 300)")).toEqual(KILLED);
  });

  it("is not delayed by a worker thread in native code", async () => {
    expect(await run(WORKER, "exitProcess(7, 300)")).toEqual(KILLED);
  });

  it("happens even if the event loop is blocked", async () => {
    expect(await run("opens()", "killAfter(300); readFileSync(pipe)")).toEqual(KILLED);
  });
});
