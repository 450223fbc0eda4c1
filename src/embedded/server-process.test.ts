import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { StartError } from "../errors.ts";
import { tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { identityOf } from "./process-identity.ts";
import { lastServer, ServerProcess, type ServerSpec } from "./server-process.ts";

const opened: ServerProcess[] = [];
afterEach(async () => {
  for (const server of opened.splice(0)) await server.close();
});

/** A server written in sh that is ready immediately. */
async function start(script: string, spec: Partial<ServerSpec> = {}): Promise<ServerProcess> {
  const server = await ServerProcess.start({
    name: "Sh",
    command: "/bin/sh",
    args: ["-c", script],
    dataDir: tempDir(),
    readyWithinMs: 10_000,
    stopSignal: "SIGTERM",
    stopWithinMs: 300,
    isReady: () => Promise.resolve(true),
    ...spec,
  });
  opened.push(server);
  return server;
}

const STUBBORN = "trap '' TERM; echo trapped; while :; do sleep 0.05; done";

it("reports why a program could not be started", async () => {
  const never = (): Promise<boolean> => Promise.reject(new Error("not ready"));
  await expect(start("", { command: "/no/such/program", isReady: never })).rejects.toThrow(
    new StartError("Sh could not be started: spawn /no/such/program ENOENT."),
  );
  const dataDir = tempDir();
  await expect(
    start("echo 'first'; echo 'fatal: no luck.'; echo 'bye'; exit 3", { dataDir, isReady: never }),
  ).rejects.toThrow(`Sh did not start on ${dataDir}: fatal: no luck.`);
  await expect(start("exit 3", { dataDir, isReady: never })).rejects.toThrow("it exited without output.");
});

it("fails after the limit and stops the server if it is not ready", async () => {
  const dataDir = tempDir();
  const started = start("sleep 100", { dataDir, readyWithinMs: 100, isReady: () => Promise.resolve(false) });
  await expect(started).rejects.toThrow(`Sh on ${dataDir} was not ready within 0.1 s: it exited without output.`);
  expect(lastServer(dataDir)?.lives).toBe(false);
});

it("kills its server or an orphan if it ignores the stop signal", async () => {
  const dataDir = tempDir();
  const first = await start(STUBBORN, { dataDir });
  const second = await start(STUBBORN, { dataDir });
  expect(identityOf(first.pid)).toBeUndefined();
  await second.close();
  expect([identityOf(second.pid), second.isRunning]).toEqual([undefined, false]);
});

it("does not stop a process that has the pid of an orphan", async () => {
  const dataDir = tempDir();
  const innocent = await start("sleep 100");
  writeFileSync(join(dataDir, "server.pid"), JSON.stringify({ pid: innocent.pid, mark: "an earlier life" }));
  await start("sleep 100", { dataDir });
  expect(innocent.isRunning).toBe(true);
});

it("distinguishes a process from later ones with its pid", async () => {
  const server = await start("sleep 100");
  const { pid } = server;
  const identity = identityOf(pid);
  expect(identity).not.toBe(identityOf(process.pid));
  expect(identityOf(pid, "darwin")).toBe(identityOf(pid, "darwin"));
  server.signal("SIGKILL");
  await until(() => identityOf(pid) === undefined, { what: "it is gone" });
  expect([identityOf(pid, "darwin"), identityOf(-1), identityOf(0.5)]).toEqual([undefined, undefined, undefined]);
});
