import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { decodeSubmission, encodeSubmission } from "../../core/packed-job.ts";
import type { AttemptEnd } from "../../core/settle.ts";
import type { Attempt } from "../../execute/attempt.ts";
import { ChildProcesses } from "../../execute/child-processes.ts";
import { Executor } from "../../execute/executor.ts";
import { Threads } from "../../execute/threads.ts";
import { submission } from "../../testing/queue.ts";
import { smallPayloads } from "../../testing/small-payloads.ts";
import { until } from "../../testing/until.ts";
import { DEFAULT_MAX_PIXELS } from "./decoding.ts";
import { Renderer } from "./image-process-client.ts";
import imageResize from "./image-resize.ts";

const THREADS_MODULE = fileURLToPath(new URL("../../../dist/execute/threads.js", import.meta.url));
const cleanups: (() => unknown)[] = [];
/** A request that takes half a minute or more of one core. */
let heavy: object;
let small: object;
let root: string;
let threads: Threads;
let executor: Executor;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "renderer-"));
  threads = new Threads({
    size: 2,
    jobsDir: undefined,
    settings: settings(),
    onMessage: () => undefined,
    onError: () => undefined,
  });
  executor = new Executor({ ...smallPayloads, definitions: [imageResize], threads, log: () => undefined });
  const noise = { type: "gaussian" as const, mean: 128, sigma: 60 };
  const photo = await sharp({ create: { width: 1_500, height: 1_000, channels: 3, background: "black", noise } })
    .jpeg()
    .toBuffer();
  const source = { base64: photo.toString("base64") };
  heavy = { source, width: 6_000, format: "avif", quality: 90 };
  small = { source, width: 30 };
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await killIdle(); // the next test starts its own processes
});
afterAll(async () => {
  await threads.close();
  await executor.close();
  await rm(root, { recursive: true, force: true });
});

const settings = () => ({ ARTIFACTS_DIR: root, OUTBOUND_ALLOW_PRIVATE: false, IMAGE_MAX_PIXELS: DEFAULT_MAX_PIXELS });

function start(payload: object, history: readonly string[] = []): { attempt: Attempt; end: Promise<AttemptEnd> } {
  const job = {
    ...decodeSubmission(
      randomUUID(),
      encodeSubmission(submission({ type: "image_resize", payload: JSON.stringify(payload) })),
    ),
    attempt: 1,
    history,
  };
  let attempt: Attempt | undefined;
  const end = new Promise<AttemptEnd>((resolve) => {
    attempt = executor.start(job, (_, how) => resolve(how));
  });
  return { attempt: attempt as unknown as Attempt, end };
}

/** The process ids of the image processes below a process, including dead ones that are not reaped. */
function imageProcesses(parent = process.pid): number[] {
  const listed = execFileSync("ps", ["-o", "pid=,comm=,args=", "--ppid", String(parent)], { encoding: "utf8" });
  return listed
    .split("\n")
    .filter((line) => line.includes("image-process") || line.includes("<defunct>"))
    .map((line) => Number.parseInt(line, 10));
}

/** The fields of /proc/PID/stat after the process name (man 5 proc); undefined if the process is gone or a zombie. */
function statOf(pid: number): string[] | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return fields[0] === "Z" ? undefined : fields;
  } catch {
    return undefined; // it is gone
  }
}

/** Whether it used more than half a second of CPU: it has started and is encoding. */
function isAtWork(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && Number(stat[11]) + Number(stat[12]) > 60;
}

async function killIdle(): Promise<void> {
  for (const pid of imageProcesses()) process.kill(pid, "SIGKILL");
  await until(() => imageProcesses().length === 0, { what: "they are gone" });
}

/** Resolves with the ids of the image processes once there are `count` and all of them are at work. */
function working(count: number, parent?: number): Promise<number[]> {
  const ask = (pids: number[]) => (pids.length === count && pids.every(isAtWork) ? pids : undefined);
  return until(() => ask(imageProcesses(parent)), { what: "libvips is at work", timeoutMs: 20_000 });
}

describe("an image process", () => {
  it("belongs to one thread, ignores signals meant for the replica, and is killed in the middle of an operation when its attempt is stopped", async () => {
    const [first, second] = [start(heavy), start(heavy)];
    const pids = await working(2);
    for (const pid of pids) for (const signal of ["SIGINT", "SIGTERM"]) process.kill(pid, signal);
    first.attempt.stop("cancelled");
    expect(await first.end).toEqual({ kind: "cancelled" });
    const left = await until(() => (pids.filter(statOf).length === 1 ? pids.find(statOf) : undefined), {
      what: "one uses no CPU",
      timeoutMs: 3_000,
    });
    await until(() => String(imageProcesses()) === String(left), { what: "it is reaped", timeoutMs: 1_000 });
    expect(second.attempt.hasEnded).toBe(false);
    second.attempt.stop("timeout");
    expect(await second.end).toMatchObject({ kind: "timeout" });
    await until(() => statOf(left) === undefined, { what: "the other uses none either", timeoutMs: 3_000 });
    await until(() => imageProcesses().length === 0, { what: "it is reaped", timeoutMs: 1_000 });
    expect(await start(small).end).toMatchObject({ kind: "returned" });
  }, 30_000);

  it("fails its attempt for a retry if it is killed, and the next image gets a new process", async () => {
    const { end } = start(heavy);
    const pid = await until(() => imageProcesses().find(isAtWork), { what: "libvips is at work", timeoutMs: 20_000 });
    process.kill(pid, "SIGKILL");
    expect(await end).toMatchObject({
      kind: "threw",
      code: "image_process_exited",
      isPermanent: false,
      state: '{"tries":1}',
    });
    expect(await start(small).end).toMatchObject({ kind: "returned" });
    await killIdle();
    expect(await start(small).end).toMatchObject({ kind: "returned" });
  }, 30_000);

  it("fails the job when it ends for the third time, however many attempts are left", async () => {
    const { end } = start(heavy, [
      JSON.stringify({ attempt: 2, outcome: "retry", state: '{"tries":2}' }),
      JSON.stringify({ attempt: 3, outcome: "retry" }),
    ]);
    const pid = await until(() => imageProcesses().find(isAtWork), { what: "libvips is at work", timeoutMs: 20_000 });
    process.kill(pid, "SIGKILL");
    expect(await end).toMatchObject({ kind: "threw", code: "image_process_exited", isPermanent: true });
  }, 30_000);

  it("is gone when the pool is closed", async () => {
    const { end } = start(heavy);
    await until(() => imageProcesses().find(isAtWork), { what: "libvips is at work", timeoutMs: 20_000 });
    await threads.close();
    expect(imageProcesses()).toEqual([]);
    await end;
  }, 30_000);

  it("kills itself when the replica was killed", async () => {
    const task = {
      type: "image_resize",
      jobId: "01890a5d-ac96-7000-babc-b302099a8057",
      attempt: 1,
      startedAt: 0,
      payload: JSON.stringify(heavy),
    };
    const script = `import { Threads } from ${JSON.stringify(THREADS_MODULE)};
      const { settings, task } = JSON.parse(await new Response(process.stdin).text());
      await new Threads({ size: 1, jobsDir: undefined, settings, onMessage() {}, onError() {} }).run(task, new AbortController().signal);`;
    const replica = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["pipe", "inherit", "inherit"],
    });
    cleanups.push(() => replica.kill("SIGKILL"));
    replica.stdin.end(JSON.stringify({ settings: settings(), task }));
    const [pid = 0] = await working(1, replica.pid);
    replica.kill("SIGKILL");
    await until(() => statOf(pid) === undefined, { what: "it is gone", timeoutMs: 3_000 });
  }, 30_000);

  it("exits when it is idle, knows no secret, and leaves no files behind", async () => {
    process.env.DATABASE_URL ??= "postgres://user:secret@127.0.0.1/db";
    const processes = new ChildProcesses();
    cleanups.push(() => processes.close());
    const folders: string[] = [];
    const renderer = new Renderer((request) => {
      folders.push(request.socketPath);
      processes.start(0, request);
    }, 300);
    const source = await sharp({ create: { width: 60, height: 40, channels: 3, background: "teal" } })
      .png()
      .toBuffer();
    for await (const { bytes, ...rendered } of renderer.render(source, [{ width: 30 }, { width: 15 }], new Map(), {
      maxPixels: DEFAULT_MAX_PIXELS,
      onError: "fail",
    }))
      expect([bytes.length > 0, rendered.format]).toEqual([true, "png"]);
    const [pid = 0] = imageProcesses();
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).not.toContain("secret");
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toContain("MALLOC_ARENA_MAX=");
    await until(() => imageProcesses().length === 0, { what: "it has ended" });
    for (const folder of folders) await expect(readdir(join(folder, ".."))).rejects.toMatchObject({ code: "ENOENT" });
    expect(folders).toHaveLength(1);
  });
});
