import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterEach, expect, it, vi } from "vitest";
import { tempDir } from "../testing/services.ts";
import { ChildProcesses } from "./child-processes.ts";
import { confinements } from "./confinement.ts";

/** What a process that was taken over would try. */
const INTRUDER = `
  import { connect } from "node:net";
  import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
  const attempt = (action) => { try { return action(); } catch (error) { return error.code; } };
  const socket = connect(process.argv[2]);
  socket.once("error", (error) => process.exit(error.code === "EACCES" ? 1 : 2)).once("connect", async () => {
    process.stdout.write("ready\\n");
    const status = readFileSync("/proc/self/status", "utf8");
    const { port, file } = JSON.parse(await new Promise((resolve) => socket.once("data", resolve)));
    const peer = connect(port, "127.0.0.1");
    const reached = await new Promise((resolve) => peer.once("connect", () => resolve("reached")).once("error", (error) => resolve(error.code)));
    socket.end(JSON.stringify({
      reached,
      environment: Object.keys(process.env),
      parent: attempt(() => readFileSync("/proc/" + process.ppid + "/environ", "latin1").length),
      file: attempt(() => readFileSync(file, "utf8")),
      kill: attempt(() => process.kill(process.ppid, 0)),
      folder: process.cwd(),
      uid: process.getuid(),
      groups: process.getgroups(),
      capabilities: /^CapEff:\\s*(\\w+)$/m.exec(status)[1],
      noNewRights: /^NoNewPrivs:\\s*(\\d)$/m.exec(status)[1],
    }));
  });`;

const opened: (() => unknown)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of opened.splice(0).reverse()) await close();
});

interface Found {
  readonly reached: string;
  readonly environment: readonly string[];
  readonly parent: number | string;
  readonly file: string;
  readonly kill: boolean | string;
  readonly folder: string;
  readonly uid: number;
  readonly groups: readonly number[];
  readonly capabilities: string;
  readonly noNewRights: string;
}

async function listening(server: Server, path?: string): Promise<Server> {
  opened.push(() => server.close());
  if (path === undefined) server.listen(0, "127.0.0.1");
  else server.listen(path);
  await once(server, "listening");
  return server;
}

/** Runs the intruder as images are run, its socket in a folder that others may enter, and resolves to what it found. */
async function intruder(processes: ChildProcesses, folder = tempDir()): Promise<Found> {
  const module = join(tempDir(), "intruder.mjs");
  writeFileSync(module, INTRUDER);
  const file = join(tempDir(), "secret");
  writeFileSync(file, "of this user", { mode: 0o600 });
  const peer = await listening(createServer((socket) => socket.destroy()));
  const socketPath = join(folder, "socket");
  const server = await listening(createServer(), socketPath);
  processes.start(1, { module: pathToFileURL(module).href, socketPath, isConfined: true });
  const [socket] = (await once(server, "connection")) as [Socket];
  socket.write(JSON.stringify({ port: (peer.address() as AddressInfo).port, file }));
  return JSON.parse(await text(socket)) as Found;
}

function processesOf(): { readonly processes: ChildProcesses; readonly lacks: Promise<readonly string[]> } {
  let report: (lacks: readonly string[]) => void = () => undefined;
  const lacks = new Promise<readonly string[]>((resolve) => {
    report = resolve;
  });
  const processes = new ChildProcesses({ onConfined: (missing) => report(missing) });
  opened.push(() => processes.close());
  return { processes, lacks };
}

it("a process for untrusted data gets no secret, no network and no rights, as far as the machine allows", async () => {
  vi.stubEnv("CALLBACK_SECRET", "a-setting-of-the-program");
  const { processes, lacks } = processesOf();
  const found = await intruder(processes);
  const missing = (await lacks).join();
  expect(found.folder).toBe("/");
  expect(found.environment).not.toContain("CALLBACK_SECRET");
  if (!missing.includes("network"))
    expect(found).toMatchObject({ reached: "ENETUNREACH", parent: expect.any(String) as string });
  if (!missing.includes("user")) {
    expect(found).toMatchObject({
      parent: "EACCES",
      file: "EACCES",
      kill: "EPERM",
      groups: [found.uid],
      capabilities: "0000000000000000",
    });
    expect(found.uid).not.toBe(process.getuid?.());
  }
  if (!missing.includes("rights")) expect(found.noNewRights).toBe("1");
});

it("the confinement that has worked stays: a later exit of the process does not weaken it", async () => {
  const { processes } = processesOf();
  const first = await intruder(processes);
  const second = await intruder(processes);
  expect([second.uid, second.reached, second.noNewRights]).toEqual([first.uid, first.reached, first.noNewRights]);
});

it("runs even if the programs that confine it are missing", async () => {
  vi.stubEnv("PATH", tempDir());
  const { processes, lacks } = processesOf();
  const found = await intruder(processes);
  expect(await lacks).toEqual(
    expect.arrayContaining(["an empty network", "no new privileges, and limits on its files"]),
  );
  expect(found).toMatchObject({ reached: "reached", folder: "/" });
});

it("a folder of sockets that is closed to all other users leaves it with this one, and without a network", async () => {
  const { processes } = processesOf();
  const closed = join(tempDir(), "closed", "sockets");
  mkdirSync(closed, { recursive: true, mode: 0o700 });
  expect(await intruder(processes, closed)).toMatchObject({ uid: process.getuid?.(), file: "of this user" });
});

it("tries the strictest confinement first, and ends with one that every machine allows", () => {
  for (const [isRoot, platform] of [
    [true, "linux"],
    [false, "linux"],
    [true, "darwin"],
    [false, "darwin"],
  ] as const) {
    const ways = confinements({ isRoot, platform });
    expect(ways.at(-1)?.prefix).toEqual([]);
    expect(Math.min(...ways.map(({ lacks }) => lacks.length))).toBe(ways[0]?.lacks.length);
    if (!isRoot) expect(ways.every(({ uid }) => uid === undefined)).toBe(true);
  }
});
